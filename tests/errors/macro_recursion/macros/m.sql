{% macro up(n) %}{{ down(n) }}{% endmacro %}

{% macro down(n) %}
  {{ up(n) }}
{% endmacro %}
