with offers as (
    select
        partsupp.ps_partkey,
        partsupp.ps_supplycost,
        supplier.s_acctbal,
        supplier.s_name,
        supplier.s_address,
        supplier.s_phone,
        supplier.s_comment,
        nation.n_name
    from partsupp
    inner join supplier on supplier.s_suppkey = partsupp.ps_suppkey
    inner join nation on nation.n_nationkey = supplier.s_nationkey
    inner join region on region.r_regionkey = nation.n_regionkey
    where region.r_name = 'EUROPE'
)

select s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
from part
inner join offers on offers.ps_partkey = part.p_partkey
where p_size = 15
    and p_type like '%BRASS'
    and ps_supplycost = (select min(cheapest.ps_supplycost) from offers as cheapest where cheapest.ps_partkey = part.p_partkey)
order by s_acctbal desc, n_name, s_name, p_partkey
limit 100
