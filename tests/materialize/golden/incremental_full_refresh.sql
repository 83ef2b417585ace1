begin;
create or replace table "w"."s"."t" as (
select id, v
from w.s.up
);
commit;
