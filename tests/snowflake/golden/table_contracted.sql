create or replace transient table "DB"."S"."T" (
  "ID" NUMBER(38,0) not null,
  "V" VARCHAR masking policy hidden,
  constraint "T_KEY" primary key ("ID"),
  foreign key ("V") references "DB"."S"."UP" ("V")
) cluster by (id) as (
select "ID", "V" from (
select id, v
from db.s.up
) as eltflow_contracted
);
