{% macro day(c) %}
  date_trunc('day', {{ c }})
{% endmacro %}
