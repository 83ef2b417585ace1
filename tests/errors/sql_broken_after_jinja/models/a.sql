{% set names = ['x', 'y'] %}
select
{% for n in names %}
  1 as {{ n }},
{% endfor %}
  id id2 id3
from customers
