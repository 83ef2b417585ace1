{% test small(model, column_name, most) %}
{{ config(tags=['gen'], severty='warn') }}
select * from {{ model }} where {{ column_name }} > {{ most }}
{% endtest %}
