{%- set names = ['id', 'x'] %}
select
  {%- for name in names %}
  {{ name }},
  {%- endfor %}
  1 as
from a
