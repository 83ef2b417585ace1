select s_name, count(*) as numwait
from supplier
inner join lineitem as late on late.l_suppkey = s_suppkey
inner join orders on o_orderkey = late.l_orderkey
inner join nation on n_nationkey = s_nationkey
where o_orderstatus = 'F'
    and late.l_receiptdate > late.l_commitdate
    and n_name = 'SAUDI ARABIA'
    and exists (
        select 1
        from lineitem as others
        where others.l_orderkey = late.l_orderkey and others.l_suppkey <> late.l_suppkey
    )
    and not exists (
        select 1
        from lineitem as others
        where others.l_orderkey = late.l_orderkey
            and others.l_suppkey <> late.l_suppkey
            and others.l_receiptdate > others.l_commitdate
    )
group by s_name
order by numwait desc, s_name
limit 100
