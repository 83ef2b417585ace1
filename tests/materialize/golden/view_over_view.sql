begin;
create or replace view "w"."s"."t" as (
select id, v
from w.s.up
);
commit;
