{% set share = 'a / b' %}
select
    {{ share }} as share,
    cast(day as timestamp) + interval 1 hour as later,
    date_trunc('month', day) as month
from (select 1 as a, 2 as b, cast('2013-01-31' as date) as day) as t
