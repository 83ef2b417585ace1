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
merge into "DB"."S"."T" as eltflow_target
using "DB"."S"."T__ELTFLOW_TMP_0123ABCD" as eltflow_source
on eltflow_target."ID" = eltflow_source."ID" and eltflow_target."V" = eltflow_source."V" and (eltflow_target.id > 10) and (eltflow_source.id < 20)
when not matched then insert ("ID", "V") values (eltflow_source."ID", eltflow_source."V");
drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
