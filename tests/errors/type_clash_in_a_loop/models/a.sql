{% set columns = ['name'] %}
select
  id
{% for c in columns %}
  , date_trunc('day', {{ c }}) as {{ c }}_day
{% endfor %}
from customers
