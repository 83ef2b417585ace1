-- How late each month's flights were: one row a month, one column a band.
{% set bands = ['early', 'on time', 'late', 'very late', 'lost half a day'] %}

select
    date_trunc('month', flight_date) as flight_month,
    {{ delay_figures() }},
    {%- for band in bands %}
    {{ share("delay_band = '" ~ band ~ "'") }} as {{ band | replace(' ', '_') }}_pct{{ "," if not loop.last }}
    {%- endfor %}
from fct_flights
group by flight_month
order by flight_month
