{% macro f() %}1{% endmacro %}
