{% set x = run_query('drop table t') %}
select 1 as y
