-- Every day of the year with the holiday next to it. Ephemeral: it becomes a part of the query that reads it.
{{ config(materialized='ephemeral') }}

with days as (
    select cast(day as date) as calendar_date
    from generate_series(date '{{ var("start") }}', date '{{ var("end") }}', interval 1 day) as series(day)
)

select
    days.calendar_date,
    dayname(days.calendar_date) as weekday,
    isodow(days.calendar_date) >= 6 as is_weekend,
    holidays.holiday,
    -- -1 is the day before the holiday, 1 the day after
    date_diff('day', holidays.holiday_date, days.calendar_date) as days_from_holiday
from days
left join holidays
    on abs(date_diff('day', holidays.holiday_date, days.calendar_date)) <= 3
