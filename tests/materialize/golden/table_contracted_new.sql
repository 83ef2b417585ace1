begin;
create table "w"."s"."t" (
  "id" BIGINT not null,
  "v" VARCHAR default 'x',
  constraint "t_key" primary key ("id"),
  foreign key ("v") references "s"."up" ("v"),
  check (id > 0)
);
insert into "w"."s"."t" ("id", "v")
select "id", "v" from (
select id, v
from w.s.up
) as eltflow_contracted;
commit;
