begin;
create table "w"."s"."t" as (
select id, v
from w.s.up
);
commit;
