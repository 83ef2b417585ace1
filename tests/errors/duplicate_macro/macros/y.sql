
{% macro f() %}2{% endmacro %}
