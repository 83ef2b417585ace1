{% macro cents(c, digits=2) %}
round({{ c }} / 100, {{ digits }})
{% endmacro %}
