create or replace transient table "DB"."S"."T__ELTFLOW_TMP_0123ABCD" as (
select id, v
from db.s.up
);
select * from (
select * from "DB"."S"."T__ELTFLOW_TMP_0123ABCD"
) as eltflow_described where false;
select * from (
select * from "DB"."S"."T__ELTFLOW_TMP_0123ABCD"
) as eltflow_described where false;
begin;
delete from "DB"."S"."T" as eltflow_target
where exists (
  select 1 from "DB"."S"."T__ELTFLOW_TMP_0123ABCD" as eltflow_source
  where eltflow_target."ID" = eltflow_source."ID"
);
insert into "DB"."S"."T" ("ID", "V")
select "ID", "V" from "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
commit;
drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
