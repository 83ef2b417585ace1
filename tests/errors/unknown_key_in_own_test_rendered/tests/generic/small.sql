{% test small(model, column_name, most) %}
{{ config(limit=most - 3) }}
select * from {{ model }} where {{ column_name }} > {{ most }}
{% endtest %}
