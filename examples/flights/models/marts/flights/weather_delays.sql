-- What the weather costs: once by how bad it was, then once for each kind of bad.
{% set kinds = {'wind': 'has_wind', 'rain': 'has_rain', 'snow or ice': 'has_snow_or_ice', 'low visibility': 'has_low_visibility'} %}

select
    'severity' as aspect,
    weather_severity as weather,
    {{ delay_figures() }}
from fct_flights
group by weather_severity

{% for kind, column in kinds.items() %}
union all

select
    'kind' as aspect,
    '{{ kind }}' as weather,
    {{ delay_figures() }}
from fct_flights
where {{ column }}
{% endfor %}
