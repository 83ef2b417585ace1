select 1 as id
{% fo x in [1] %}
, 2 as b
{% endfor %}
