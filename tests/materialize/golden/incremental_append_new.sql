begin;
select * from (
select id, v
from w.s.up
) as eltflow_described limit 0;
create temporary table "temp"."main"."t__eltflow_tmp_0123abcd" as (
select id, v
from w.s.up
);
alter table "w"."s"."t" add column "more" DATE;
insert into "w"."s"."t" ("id", "more")
select "id", "more" from "temp"."main"."t__eltflow_tmp_0123abcd";
drop table if exists "temp"."main"."t__eltflow_tmp_0123abcd";
commit;
