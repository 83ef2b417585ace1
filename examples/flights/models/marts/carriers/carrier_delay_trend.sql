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
),

days as (
    select flight_date, median(on_time_pct_7d) as on_time_pct_7d
    from weeks
    group by flight_date
)

select
    weeks.flight_date,
    weeks.carrier,
    cast(weeks.flights_7d as bigint) as flights_7d,
    weeks.on_time_pct_7d,
    weeks.cancelled_pct_7d,
    round(weeks.on_time_pct_7d - days.on_time_pct_7d, 1) as above_median_carrier
from weeks
inner join days on days.flight_date = weeks.flight_date
