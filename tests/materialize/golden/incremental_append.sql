begin;
select * from (
select id, v
from w.s.up
) as eltflow_described limit 0;
insert into "w"."s"."t" ("id", "v")
select "id", "v" from (
select id, v
from w.s.up
) as eltflow_new;
commit;
