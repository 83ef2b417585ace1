with callers as (
    select substr(c_phone, 1, 2) as cntrycode, c_acctbal, c_custkey
    from customer
    where substr(c_phone, 1, 2) in ('13', '31', '23', '29', '30', '18', '17')
)

select cntrycode, count(*) as numcust, sum(c_acctbal) as totacctbal
from callers
where c_acctbal > (select avg(rich.c_acctbal) from callers as rich where rich.c_acctbal > 0.00)
    and not exists (select 1 from orders where o_custkey = callers.c_custkey)
group by cntrycode
order by cntrycode
