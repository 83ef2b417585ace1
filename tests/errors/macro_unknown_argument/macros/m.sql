{% macro cents(c, digits=2) %}{{ c }} / 100{% endmacro %}
