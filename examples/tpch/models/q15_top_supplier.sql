with revenue as (
    select l_suppkey as supplier_no, sum(l_extendedprice * (1 - l_discount)) as total_revenue
    from lineitem
    where l_shipdate >= date '1996-01-01'
        and l_shipdate < date '1996-01-01' + interval 3 month
    group by l_suppkey
)

select s_suppkey, s_name, s_address, s_phone, total_revenue
from supplier
inner join revenue on supplier_no = s_suppkey
qualify rank() over (order by total_revenue desc) = 1
order by s_suppkey
