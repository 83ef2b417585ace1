select
{% for x in 7 %}
  {{ x }} as c{{ x }},
{% endfor %}
  1 as id
