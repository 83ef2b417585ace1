create or replace transient table "DB"."S"."T" as (
select * from (
select id, v
from db.s.up
) as eltflow_limited limit 3
);
select count(*) as failures, count(*) >2 as should_warn, count(*) != 0 as should_error
from (
select * from (
select * from "DB"."S"."T"
) as eltflow_limited limit 3
) as eltflow_test;
select * from (
select * from "DB"."S"."T"
) as eltflow_test limit 3;
