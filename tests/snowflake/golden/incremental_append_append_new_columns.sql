select * from (
select id, v
from db.s.up
) as eltflow_described where false;
create or replace transient table "DB"."S"."T__ELTFLOW_TMP_0123ABCD" as (
select id, v
from db.s.up
);
select * from (
select * from "DB"."S"."T__ELTFLOW_TMP_0123ABCD"
) as eltflow_described where false;
alter table "DB"."S"."T" add column "MORE" DATE;
insert into "DB"."S"."T" ("ID", "MORE")
select "ID", "MORE" from "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
