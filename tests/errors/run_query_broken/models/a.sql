{% set found = run_query("selec 1") %}
select 1 as x
