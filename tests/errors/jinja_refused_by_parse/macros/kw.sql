{% macro kw(a, b) %}{{ a }}{% endmacro %}
