create or replace view "w"."s"."t" as (
select * from (
select id, v
from w.s.up
) as eltflow_limited limit 3
);
select count(*) as failures, count(*) >2 as should_warn, count(*) != 0 as should_error
from (
select * from (
select * from "w"."s"."t"
) as eltflow_limited limit 3
) as eltflow_test;
select * from (
select * from "w"."s"."t"
) as eltflow_test limit 3;
