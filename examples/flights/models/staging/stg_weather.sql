-- One row an airport and hour. The local hour is no key: on 3 November the hour from 1 to 2 happened twice.
-- Decimals instead of floats, so that sums and averages do not depend on the order of the rows.
select
    origin,
    time_hour at time zone 'UTC' as observed_utc,
    make_timestamp(year, month, day, hour, 0, 0) as observed_at,
    cast(temp as decimal(5, 1)) as temperature_f,
    cast(humid as decimal(5, 1)) as humidity_pct,
    -- one reading says 1,048 miles an hour
    case when wind_speed < 200 then cast(wind_speed as decimal(5, 1)) end as wind_mph,
    cast(wind_gust as decimal(5, 1)) as gust_mph,
    cast(precip as decimal(5, 2)) as precipitation_inches,
    cast(visib as decimal(5, 2)) as visibility_miles,
    cast(pressure as decimal(6, 1)) as pressure_mb
from {{ source('noaa', 'weather') }}
