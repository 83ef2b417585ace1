select count(*) as failures, count(*) >2 as should_warn, count(*) != 0 as should_error
from (
select * from (
select id, v
from db.s.up
) as eltflow_limited limit 3
) as eltflow_test;
select * from (
select id, v
from db.s.up
) as eltflow_test limit 3;
