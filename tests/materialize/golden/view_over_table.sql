begin;
drop table if exists "w"."s"."t";
create or replace view "w"."s"."t" as (
select id, v
from w.s.up
);
commit;
