alter dynamic table "DB"."S"."T" rename to "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
create or replace view "DB"."S"."T" as (
select id, v
from db.s.up
);
drop dynamic table if exists "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
