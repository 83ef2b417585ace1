-- The weather at the scheduled departure: the newest reading at that airport, if it is at most four hours old.
-- (Hours are missing here and there, and from the evening of 30 December on.)
select
    flights.flight_id,
    weather.observed_utc,
    weather.severity,
    weather.temperature_f,
    weather.wind_mph,
    weather.precipitation_inches,
    weather.visibility_miles,
    weather.has_wind,
    weather.has_rain,
    weather.has_snow_or_ice,
    weather.has_low_visibility
from stg_flights as flights
asof inner join int_weather_severity as weather
    on flights.origin = weather.origin
    and flights.scheduled_departure_utc >= weather.observed_utc
where flights.scheduled_departure_utc <= weather.observed_utc + interval 4 hours
