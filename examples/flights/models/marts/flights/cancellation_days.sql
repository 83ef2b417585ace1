-- The days on which many flights were cancelled, and the worst weather that New York had on them.
with days as (
    select
        flight_date,
        {{ delay_figures() }},
        count(distinct carrier) filter (where outcome = 'cancelled') as carriers_cancelling
    from fct_flights
    group by flight_date
),

worst_hours as (
    select
        cast(observed_at as date) as observed_date,
        max(weather_points) as worst_weather_points,
        max(precipitation_inches) as heaviest_inches_an_hour,
        max(greatest(wind_mph, gust_mph)) as strongest_wind_mph,
        min(visibility_miles) as lowest_visibility_miles
    from int_weather_severity
    group by observed_date
)

select
    rank() over (order by days.cancelled_pct desc) as rank,
    days.flight_date,
    days.flights,
    days.cancelled_flights,
    days.cancelled_pct,
    days.carriers_cancelling,
    days.avg_departure_delay,
    weather.worst_weather_points,
    weather.heaviest_inches_an_hour,
    weather.strongest_wind_mph,
    weather.lowest_visibility_miles
from days
left join worst_hours as weather on weather.observed_date = days.flight_date
where days.cancelled_pct >= 5
order by rank, days.flight_date
