-- The day's shape: scheduled departures and average delay for each hour, side by side for the three airports.
{% set new_york = ['EWR', 'JFK', 'LGA'] %}

select
    hour(hour_at) as hour_of_day,
    {%- for airport in new_york %}
    sum(flights) filter (where origin = '{{ airport }}') as {{ airport | lower }}_flights,
    round(
        sum(avg_departure_delay * flights) filter (where origin = '{{ airport }}')
            / nullif(sum(flights) filter (where origin = '{{ airport }}' and avg_departure_delay is not null), 0),
        1
    ) as {{ airport | lower }}_avg_departure_delay,
    {%- endfor %}
    sum(flights) as flights
from {{ ref('airport_hourly_congestion') }}
group by hour_of_day
order by hour_of_day
