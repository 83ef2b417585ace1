with stock as (
    select ps_partkey, ps_supplycost * ps_availqty as cost
    from partsupp
    inner join supplier on s_suppkey = ps_suppkey
    inner join nation on n_nationkey = s_nationkey
    where n_name = 'GERMANY'
)

select ps_partkey, sum(cost) as value
from stock
group by ps_partkey
having sum(cost) > (select sum(cost) * 0.01 from stock)
order by value desc, ps_partkey
