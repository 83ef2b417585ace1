-- The three days before and after each holiday against an ordinary day of the same weekday.
with days as (
    select
        flight_date,
        {{ delay_figures() }}
    from fct_flights
    group by flight_date
),

ordinary as (
    select
        calendar.weekday,
        avg(days.flights) as flights,
        avg(days.avg_departure_delay) as avg_departure_delay
    from days
    inner join int_calendar as calendar on calendar.calendar_date = days.flight_date
    where calendar.holiday is null
    group by calendar.weekday
)

select
    calendar.holiday,
    calendar.days_from_holiday,
    days.flight_date,
    calendar.weekday,
    days.flights,
    round(100.0 * days.flights / ordinary.flights - 100, 1) as more_flights_than_usual_pct,
    days.cancelled_flights,
    days.on_time_pct,
    days.avg_departure_delay,
    round(days.avg_departure_delay - ordinary.avg_departure_delay, 1) as more_delay_than_usual
from days
inner join int_calendar as calendar on calendar.calendar_date = days.flight_date
inner join ordinary on ordinary.weekday = calendar.weekday
where calendar.holiday is not null
order by days.flight_date, calendar.holiday
