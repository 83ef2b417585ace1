{% macro f() %}café{% endmacro %}
