begin;
create temporary table "temp"."main"."t__eltflow_tmp_0123abcd" as (
select id, v
from w.s.up
);
select * from (
select * from "temp"."main"."t__eltflow_tmp_0123abcd"
) as eltflow_described limit 0;
delete from "w"."s"."t" as eltflow_target
where exists (
  select 1 from "temp"."main"."t__eltflow_tmp_0123abcd" as eltflow_source
  where eltflow_target."id" = eltflow_source."id" and eltflow_target."v" = eltflow_source."v"
)
  and (eltflow_target.id > 10);
insert into "w"."s"."t" ("id", "v")
select "id", "v" from "temp"."main"."t__eltflow_tmp_0123abcd";
drop table if exists "temp"."main"."t__eltflow_tmp_0123abcd";
commit;
