-- One row a flight: what was planned, what happened, and in which weather. Everything below reads this table.
{{ config(materialized='incremental', incremental_strategy='append') }}

with flights as (
    select * from stg_flights
    {% if is_incremental() %}
    -- whole months arrive in order, so what is newer than the newest flight is new
    where scheduled_departure_utc > (
        select coalesce(max(scheduled_departure_utc), timestamp '{{ var("start") }}') from {{ this }}
    )
    {% endif %}
)

select
    flights.flight_id,
    flights.flight_date,
    flights.carrier,
    flights.flight_number,
    flights.tailnum,
    flights.origin,
    flights.dest,
    flights.scheduled_departure_at,
    flights.scheduled_departure_utc,
    flights.departed_utc,
    times.scheduled_arrival_utc,
    times.arrived_utc,
    flights.outcome,
    flights.departure_delay_minutes,
    flights.arrival_delay_minutes,
    bands.delay_band,
    flights.outcome = 'flown' and flights.arrival_delay_minutes < {{ var('on_time_minutes') }} as is_on_time,
    -- more than zero: the crew made up for a late start
    flights.departure_delay_minutes - flights.arrival_delay_minutes as minutes_made_up,
    times.elapsed_minutes,
    times.taxi_minutes,
    flights.air_minutes,
    flights.distance_miles,
    coalesce(weather.severity, 'unknown') as weather_severity,
    weather.temperature_f,
    weather.wind_mph,
    weather.precipitation_inches,
    weather.visibility_miles,
    weather.has_wind,
    weather.has_rain,
    weather.has_snow_or_ice,
    weather.has_low_visibility
from flights
left join int_flight_times as times on times.flight_id = flights.flight_id
left join int_flight_weather as weather on weather.flight_id = flights.flight_id
left join delay_bands as bands
    on flights.arrival_delay_minutes between bands.from_minutes and bands.to_minutes
