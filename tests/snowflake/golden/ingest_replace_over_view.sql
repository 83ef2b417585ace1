create schema if not exists "DB"."ELTFLOW_META";
create transient table if not exists "DB"."ELTFLOW_META"."FILE" ("RELATION" VARCHAR, "PATH" VARCHAR, "SIZE" NUMBER(38,0), "MTIME_NS" NUMBER(38,0), "HASH" VARCHAR, "LOAD_ID" VARCHAR);
create transient table if not exists "DB"."ELTFLOW_META"."LOAD" ("LOAD_ID" VARCHAR, "RELATION" VARCHAR, "STEP" VARCHAR, "FILES" NUMBER(38,0), "ROWS" NUMBER(38,0), "LOADED_AT" TIMESTAMP_TZ);
create transient table if not exists "DB"."ELTFLOW_META"."CURSOR" ("RELATION" VARCHAR, "STEP" VARCHAR, "SOURCE" VARCHAR, "NAME" VARCHAR, "VALUE" VARCHAR, "LOAD_ID" VARCHAR, "LOADED_AT" TIMESTAMP_TZ);
drop table if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
drop view if exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD";
create transient table if not exists "DB"."S"."T__ELTFLOW_TMP_0123ABCD" ("ID" NUMBER(38,0), "V" VARCHAR);
begin;
copy into "DB"."S"."T__ELTFLOW_TMP_0123ABCD"
from @DB.S.%T__ELTFLOW_TMP_0123ABCD/eltflow_load
file_format = (type = parquet use_logical_type = true binary_as_text = false) match_by_column_name = case_insensitive on_error = abort_statement purge = true force = true;
commit;
alter view "DB"."S"."T" rename to "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
alter table "DB"."S"."T__ELTFLOW_TMP_0123ABCD" rename to "DB"."S"."T";
drop view if exists "DB"."S"."T__OLD__ELTFLOW_TMP_0123ABCD";
begin;
delete from "DB"."ELTFLOW_META"."FILE" where relation = '"S"."T"';
insert into "DB"."ELTFLOW_META"."FILE" values ('"S"."T"', 'data/a.csv', 10, 1, '', '0123abcd'), ('"S"."T"', 'data/b.csv', 20, 2, '', '0123abcd');
insert into "DB"."ELTFLOW_META"."LOAD" values ('0123abcd', '"S"."T"', 'ingest.p.t', 2, null, current_timestamp);
commit;
