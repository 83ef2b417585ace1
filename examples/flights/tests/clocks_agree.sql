-- The arrival that int_flight_times found, less the reported delay, must be the scheduled clock reading at the
-- destination. A wrong day, time zone or clock change would show here.
with computed as (
    select
        times.flight_id,
        airports.time_zone,
        flights.scheduled_arrival_clock_minutes,
        times.scheduled_arrival_utc at time zone 'UTC' at time zone airports.time_zone as scheduled_there
    from int_flight_times as times
    inner join stg_flights as flights on flights.flight_id = times.flight_id
    inner join stg_airports as airports on airports.airport = flights.dest
)

select *
from computed
where hour(scheduled_there) * 60 + minute(scheduled_there) <> scheduled_arrival_clock_minutes % 1440
