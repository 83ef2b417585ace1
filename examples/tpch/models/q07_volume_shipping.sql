with shipping as (
    select
        sellers.n_name as supp_nation,
        buyers.n_name as cust_nation,
        extract(year from l_shipdate) as l_year,
        l_extendedprice * (1 - l_discount) as volume
    from supplier
    inner join lineitem on l_suppkey = s_suppkey
    inner join orders on o_orderkey = l_orderkey
    inner join customer on c_custkey = o_custkey
    inner join nation as sellers on sellers.n_nationkey = s_nationkey
    inner join nation as buyers on buyers.n_nationkey = c_nationkey
    where l_shipdate between date '1995-01-01' and date '1996-12-31'
        and (
            (sellers.n_name = 'FRANCE' and buyers.n_name = 'GERMANY')
            or (sellers.n_name = 'GERMANY' and buyers.n_name = 'FRANCE')
        )
)

select supp_nation, cust_nation, l_year, sum(volume) as revenue
from shipping
group by all
order by supp_nation, cust_nation, l_year
