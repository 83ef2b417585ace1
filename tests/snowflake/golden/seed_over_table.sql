drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
create transient table if not exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD" ("ID" NUMBER(38,0), "V" VARCHAR);
begin;
copy into "DB"."S"."T__ELTFLOW_TMP_0123ABCD"
from @DB.S.%T__ELTFLOW_TMP_0123ABCD/eltflow_load
file_format = (type = parquet use_logical_type = true binary_as_text = false) match_by_column_name = case_insensitive on_error = abort_statement purge = true force = true;
commit;
create or replace transient table "DB"."S"."T" as (
select * from "DB"."S"."T__ELTFLOW_TMP_0123ABCD"
);
drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
