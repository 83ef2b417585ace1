-- One row a scheduled flight. Clock readings like 517 become timestamps: New York time where people read them,
-- UTC (a timestamp without zone, named so) where they are compared.
with reported as (
    select
        *,
        make_date(year, month, day) as flight_date,
        -- the hour carries a zone, so that the two nights of a clock change are right too
        (time_hour at time zone 'UTC') + to_minutes(minute) as scheduled_departure_utc
    from raw.flights
)

select
    concat(carrier, flight, '-', origin, '-', strftime(flight_date, '%Y%m%d')) as flight_id,
    flight_date,
    carrier,
    flight as flight_number,
    tailnum,
    origin,
    dest,
    make_timestamp(year, month, day, hour, minute, 0) as scheduled_departure_at,
    scheduled_departure_utc,
    -- the delay tells the day as well, which dep_time alone does not: a flight of 23:50 may leave at 0:35
    scheduled_departure_utc + to_minutes(dep_delay) as departed_utc,
    -- at the destination's clock, without a day: see int_flight_times
    {{ clock_minutes('sched_arr_time') }} as scheduled_arrival_clock_minutes,
    {{ clock_minutes('arr_time') }} as arrival_clock_minutes,
    dep_delay as departure_delay_minutes,
    arr_delay as arrival_delay_minutes,
    air_time as air_minutes,
    distance as distance_miles,
    case
        when dep_time is null then 'cancelled'
        when arr_delay is null then 'diverted'
        else 'flown'
    end as outcome
from reported
