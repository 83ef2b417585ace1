drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
drop view if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
create transient table "DB"."S"."T__ELTFLOW_TMP_0123ABCD" as (
select id, v
from db.s.up
);
alter view "DB"."S"."T" rename to "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
alter table "DB"."S"."T__ELTFLOW_TMP_0123ABCD" rename to "DB"."S"."T";
drop view if exists "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
