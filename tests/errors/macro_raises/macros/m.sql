{% macro need(c) %}
  {% if not c %}
    {{ exceptions.raise_compiler_error('need() wants a column') }}
  {% endif %}
{% endmacro %}
