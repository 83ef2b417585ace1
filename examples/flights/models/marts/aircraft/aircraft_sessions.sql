-- Gaps and islands: the stretches in which an aircraft works the New York line. A departure more than
-- {{ var('session_gap_hours') }} hours after the one before begins a new session.
{{ config(materialized='incremental', incremental_strategy='merge', unique_key='session_id') }}

with flights as (
    select
        fct_flights.tailnum,
        fct_flights.carrier,
        fct_flights.origin,
        fct_flights.dest,
        fct_flights.scheduled_departure_utc,
        fct_flights.arrival_delay_minutes,
        fct_flights.air_minutes,
        fct_flights.distance_miles
    from fct_flights
    {% if is_incremental() %}
    -- an aircraft's last session may go on in the new month: read it again from its start
    left join (
        select tailnum, max(started_utc) as started_utc
        from {{ this }}
        group by tailnum
    ) as last_session on last_session.tailnum = fct_flights.tailnum
    {% endif %}
    where fct_flights.outcome = 'flown'
    {% if is_incremental() %}
        and (last_session.tailnum is null or fct_flights.scheduled_departure_utc >= last_session.started_utc)
    {% endif %}
),

gaps as (
    select
        *,
        coalesce(
            scheduled_departure_utc - lag(scheduled_departure_utc) over departures
                > interval {{ var('session_gap_hours') }} hours,
            true
        ) as begins_session
    from flights
    window departures as (partition by tailnum order by scheduled_departure_utc, origin, dest)
),

islands as (
    select
        *,
        count(*) filter (where begins_session) over (
            partition by tailnum
            order by scheduled_departure_utc, origin, dest
            rows unbounded preceding
        ) as session_number
    from gaps
)

select
    concat(tailnum, '-', strftime(min(scheduled_departure_utc), '%Y%m%d%H%M')) as session_id,
    tailnum,
    -- a tail number now and then flies for two carriers
    min(carrier) as carrier,
    min(scheduled_departure_utc) as started_utc,
    max(scheduled_departure_utc) as last_departure_utc,
    count(*) as departures,
    count(distinct origin) as airports_used,
    count(distinct dest) as destinations,
    round({{ minutes_between('min(scheduled_departure_utc)', 'max(scheduled_departure_utc)') }} / 60.0, 1) as hours,
    cast(sum(air_minutes) as bigint) as air_minutes,
    cast(sum(distance_miles) as bigint) as distance_miles,
    max(arrival_delay_minutes) as worst_arrival_delay
from islands
group by tailnum, session_number
