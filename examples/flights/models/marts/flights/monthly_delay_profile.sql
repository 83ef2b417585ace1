-- How late each month's flights were: one row a month, one column a band.
{% set bands = ['early', 'on time', 'late', 'very late', 'hours late'] %}

select
    cast(date_trunc('month', cast(flight_date as date)) as date) as flight_month,
    {{ delay_figures() }},
    {%- for band in bands %}
    {{ share("delay_band = '" ~ band ~ "'") }} as arrived_{{ band | replace(' ', '_') }}_pct{{ "," if not loop.last }}
    {%- endfor %}
from fct_flights
group by flight_month
order by flight_month
