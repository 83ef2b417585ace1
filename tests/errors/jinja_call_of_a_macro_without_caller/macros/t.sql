{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}
