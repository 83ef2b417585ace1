-- When each flight arrived. The data has only the destination's clock ("0:35"), so the day must be found: it is the
-- first 0:35 there after the departure. No flight from New York takes a whole day.
with departures as (
    select
        flights.flight_id,
        flights.departed_utc,
        flights.arrival_clock_minutes,
        flights.arrival_delay_minutes,
        flights.air_minutes,
        airports.time_zone,
        flights.departed_utc at time zone 'UTC' at time zone airports.time_zone as departed_there
    from stg_flights as flights
    inner join stg_airports as airports on airports.airport = flights.dest
    where flights.outcome = 'flown'
),

same_day as (
    select *, date_trunc('day', cast(departed_there as timestamp)) + to_minutes(arrival_clock_minutes) as read_there
    from departures
),

first_after_departure as (
    select
        * exclude (read_there),
        case when read_there < departed_there then read_there + interval 1 day else read_there end as arrived_there
    from same_day
),

instants as (
    select *, arrived_there at time zone time_zone at time zone 'UTC' as last_utc
    from first_after_departure
),

arrivals as (
    select
        *,
        -- in the night when the clocks go back, one hour is read twice: it is the first (VX413 of 2 November)
        case
            when (last_utc - interval 1 hour) at time zone 'UTC' at time zone time_zone = arrived_there
                then last_utc - interval 1 hour
            else last_utc
        end as arrived_utc
    from instants
)

select
    flight_id,
    departed_utc,
    arrived_utc,
    arrived_utc - to_minutes(arrival_delay_minutes) as scheduled_arrival_utc,
    {{ minutes_between('departed_utc', 'arrived_utc') }} as elapsed_minutes,
    -- gate to gate, less the time in the air
    {{ minutes_between('departed_utc', 'arrived_utc') }} - air_minutes as taxi_minutes
from arrivals
