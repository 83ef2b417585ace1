-- One row a carrier and day.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['flight_date', 'carrier'],
    )
}}

select
    flight_date,
    carrier,
    {{ delay_figures() }},
    cast(sum(arrival_delay_minutes) filter (where arrival_delay_minutes > 0) as bigint) as minutes_late,
    rank() over (
        partition by flight_date
        order by {{ share('is_on_time') }} desc
    ) as rank_of_day
from fct_flights
{% if is_incremental() %}
-- the newest day is counted again, in case it was not complete
where flight_date >= (select coalesce(max(flight_date), date '{{ var("start") }}') from {{ this }})
{% endif %}
group by flight_date, carrier
