begin;
insert into "w"."s"."t" ("id", "v")
select "id", "v" from (
select id, v
from w.s.up
) as eltflow_new;
commit;
