select 1 as id
{% if var('strat') %}
, 2 as b
{% endif %}
