begin;
create temporary table "temp"."main"."t__eltflow_tmp_0123abcd" as (
select id, v
from w.s.up
);
drop table if exists "w"."s"."t";
create table "w"."s"."t" (
  "id" BIGINT not null,
  "v" VARCHAR default 'x',
  constraint "t_key" primary key ("id"),
  foreign key ("v") references "s"."up" ("v"),
  check (id > 0)
);
insert into "w"."s"."t" ("id", "v")
select "id", "v" from (
select * from "temp"."main"."t__eltflow_tmp_0123abcd"
) as eltflow_contracted;
drop table if exists "temp"."main"."t__eltflow_tmp_0123abcd";
commit;
