select sum(l_extendedprice) / 7.0 as avg_yearly
from lineitem
inner join part on p_partkey = l_partkey
where p_brand = 'Brand#23'
    and p_container = 'MED BOX'
    and l_quantity < (select 0.2 * avg(others.l_quantity) from lineitem as others where others.l_partkey = part.p_partkey)
