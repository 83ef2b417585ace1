{% macro newest() %}
  {% do return(run_query("select max(loaded_at) from raw.loads")) %}
{% endmacro %}
