-- Seven-day averages, weighted by flights, and how far each carrier is from the rest of that week.
with weeks as (
    select
        flight_date,
        carrier,
        sum(flights) over seven_days as flights_7d,
        round(100.0 * sum(on_time_flights) over seven_days / sum(flights) over seven_days, 1) as on_time_pct_7d,
        round(100.0 * sum(cancelled_flights) over seven_days / sum(flights) over seven_days, 1) as cancelled_pct_7d
    from {{ ref('daily_carrier_scorecard') }}
    window seven_days as (
        partition by carrier
        order by flight_date
        range between interval 6 days preceding and current row
    )
)

select
    flight_date,
    carrier,
    cast(flights_7d as bigint) as flights_7d,
    on_time_pct_7d,
    cancelled_pct_7d,
    round(on_time_pct_7d - median(on_time_pct_7d) over (partition by flight_date), 1) as above_median_carrier
from weeks
