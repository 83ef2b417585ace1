-- The day's shape: scheduled departures and average delay for each hour, side by side for the three airports.
{% set new_york = ['EWR', 'JFK', 'LGA'] %}

select
    hour(hour_at) as hour_of_day,
    cast(sum(flights) as bigint) as flights,
    {%- for airport in new_york %}
    {%- set here = "filter (where origin = '" ~ airport ~ "')" %}
    cast(sum(flights) {{ here }} as bigint) as {{ airport | lower }}_flights,
    -- from totals, because an average of averages would weigh a quiet hour like a busy one
    round(sum(departure_delay_total) {{ here }} / nullif(sum(departures) {{ here }}, 0), 1)
        as {{ airport | lower }}_avg_departure_delay{{ "," if not loop.last }}
    {%- endfor %}
from {{ ref('airport_hourly_congestion') }}
group by hour_of_day
order by hour_of_day
