begin;
create temporary table "temp"."main"."t__eltflow_tmp_0123abcd" as (
select id, v
from w.s.up
);
select * from (
select * from "temp"."main"."t__eltflow_tmp_0123abcd"
) as eltflow_described limit 0;
select "id" from "temp"."main"."t__eltflow_tmp_0123abcd" group by "id" having count(*) > 1 limit 1;
select eltflow_source."id" from (
select "id" from "temp"."main"."t__eltflow_tmp_0123abcd" group by "id" having count(*) > 1
) as eltflow_source
where exists (select 1 from "w"."s"."t" as eltflow_target where eltflow_target."id" = eltflow_source."id") limit 1;
merge into "w"."s"."t" as eltflow_target
using "temp"."main"."t__eltflow_tmp_0123abcd" as eltflow_source
on eltflow_target."id" = eltflow_source."id"
when matched then update set "v" = eltflow_source."v"
when not matched then insert ("id", "v") values (eltflow_source."id", eltflow_source."v");
drop table if exists "temp"."main"."t__eltflow_tmp_0123abcd";
commit;
