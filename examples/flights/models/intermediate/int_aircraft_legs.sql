-- Each departure beside the same aircraft's departure before it. Only flights out of New York are in the data: between
-- two of them the aircraft came back (often straight) on flights that we do not see.
with legs as (
    select
        *,
        row_number() over day_of_aircraft as leg_of_day,
        lag(flight_id) over day_of_aircraft as previous_flight_id,
        lag(arrived_utc) over day_of_aircraft as previous_arrived_utc,
        lag(scheduled_arrival_utc) over day_of_aircraft as previous_scheduled_arrival_utc,
        lag(arrival_delay_minutes) over day_of_aircraft as previous_arrival_delay_minutes,
        lag(delay_band) over day_of_aircraft as previous_delay_band,
        lag(air_minutes) over day_of_aircraft as previous_air_minutes
    from {{ ref('fct_flights') }}
    where outcome = 'flown'
    window day_of_aircraft as (
        partition by tailnum, flight_date
        order by scheduled_departure_utc, flight_id
    )
)

select
    flight_id,
    flight_date,
    tailnum,
    carrier,
    origin,
    leg_of_day,
    scheduled_departure_at,
    departure_delay_minutes,
    arrival_delay_minutes,
    previous_flight_id,
    previous_arrival_delay_minutes,
    previous_delay_band,
    -- some tail numbers are wrong: here the aircraft leaves New York before it can be back
    departed_utc >= previous_arrived_utc + to_minutes(previous_air_minutes) as could_be_back,
    -- the schedule's reserve: the time between the two, less a flight back as long as the flight out and an hour on
    -- the ground at each end of it
    {{ minutes_between('previous_scheduled_arrival_utc', 'scheduled_departure_utc') }} - previous_air_minutes - 120
        as slack_minutes
from legs
