-- Each hour's weather in one word, and what made it so.
with scored as (
    select *, {{ weather_points() }} as weather_points
    from stg_weather
)

select
    origin,
    observed_utc,
    observed_at,
    temperature_f,
    wind_mph,
    gust_mph,
    precipitation_inches,
    visibility_miles,
    weather_points,
    case
        when weather_points = 0 then 'calm'
        when weather_points <= 2 then 'unsettled'
        when weather_points <= 4 then 'rough'
        else 'severe'
    end as severity,
    coalesce(greatest(wind_mph, gust_mph) >= 28, false) as has_wind,
    precipitation_inches > 0 and temperature_f > 34 as has_rain,
    precipitation_inches > 0 and temperature_f <= 34 as has_snow_or_ice,
    visibility_miles < 3 as has_low_visibility
from scored
