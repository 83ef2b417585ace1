{% macro one() %}1{% endmacro %}

{% macro two() %}2{% endmacr %}
