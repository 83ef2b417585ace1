begin;
create table "w"."s"."t__eltflow_tmp_0123abcd" (
  "id" BIGINT not null,
  "v" VARCHAR,
  constraint "t_key" primary key ("id")
);
insert into "w"."s"."t__eltflow_tmp_0123abcd" ("id", "v")
select "id", "v" from (
select id, v
from w.s.up
) as eltflow_contracted;
drop table if exists "w"."s"."t";
alter table "w"."s"."t__eltflow_tmp_0123abcd" rename to "t";
commit;
