-- One row an airport and hour: how full the hour was planned, how full the last three were, and how it went.
with hours as (
    select
        origin,
        date_trunc('hour', cast(scheduled_departure_utc as timestamp)) as hour_utc,
        min(date_trunc('hour', cast(scheduled_departure_at as timestamp))) as hour_at,
        {{ delay_figures() }},
        count(departure_delay_minutes) as departures,
        cast(sum(departure_delay_minutes) as bigint) as departure_delay_total,
        round(avg(taxi_minutes), 1) as avg_taxi_minutes
    from fct_flights
    group by origin, hour_utc
)

select
    *,
    cast(sum(flights) over last_three_hours as bigint) as flights_3h,
    round(100.0 * percent_rank() over (partition by origin order by flights), 1) as fuller_than_pct_of_hours
from hours
window last_three_hours as (
    partition by origin
    order by hour_utc
    range between interval 2 hours preceding and current row
)
