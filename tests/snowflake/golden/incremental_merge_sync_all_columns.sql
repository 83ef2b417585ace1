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
alter table "DB"."S"."T" drop column "V";
merge into "DB"."S"."T" as eltflow_target
using "DB"."S"."T__ELTFLOW_TMP_0123ABCD" as eltflow_source
on eltflow_target."ID" = eltflow_source."ID"
when matched then update set "MORE" = eltflow_source."MORE"
when not matched then insert ("ID", "MORE") values (eltflow_source."ID", eltflow_source."MORE");
drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
