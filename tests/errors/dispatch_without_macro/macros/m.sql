{% macro default__cents(c) %}{{ c }}{% endmacro %}
