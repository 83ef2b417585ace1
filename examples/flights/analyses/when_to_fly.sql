-- Not built, only compiled: `eltflow show --select when_to_fly` prints the rows.
-- The best and the worst hour and weekday to leave, for somebody who hates waiting.
select
    dayname(flight_date) as weekday,
    hour(scheduled_departure_at) as hour_of_day,
    {{ delay_figures() }}
from {{ ref('fct_flights') }}
group by weekday, hour_of_day
having count(*) >= 500
order by on_time_pct desc
