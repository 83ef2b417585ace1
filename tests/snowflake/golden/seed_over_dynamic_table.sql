drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
drop dynamic table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
create transient table if not exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD" ("ID" NUMBER(38,0), "V" VARCHAR);
begin;
copy into "DB"."S"."T__ELTFLOW_TMP_0123ABCD"
from @DB.S.%T__ELTFLOW_TMP_0123ABCD/eltflow_load
file_format = (type = parquet use_logical_type = true binary_as_text = false) match_by_column_name = case_insensitive on_error = abort_statement purge = true force = true;
commit;
alter dynamic table "DB"."S"."T" rename to "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
alter table "DB"."S"."T__ELTFLOW_TMP_0123ABCD" rename to "DB"."S"."T";
drop dynamic table if exists "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
