begin;
create table "w"."s"."t__eltflow_tmp_0123abcd" as (
select id, v
from w.s.up
);
drop view if exists "w"."s"."t";
alter table "w"."s"."t__eltflow_tmp_0123abcd" rename to "t";
commit;
