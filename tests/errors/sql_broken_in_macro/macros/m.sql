{% macro total(c) %}
  sum({{ c }}
{% endmacro %}
