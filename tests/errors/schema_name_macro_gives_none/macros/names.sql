{% macro cents(x) %}{{ x }}{% endmacro %}

{% macro generate_schema_name(custom, node) %}{{ custom or '' }}{% endmacro %}
{% macro generate_alias_name(custom, node) %}{{ return(custom) }}{% endmacro %}
