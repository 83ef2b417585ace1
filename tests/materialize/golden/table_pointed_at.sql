begin;
create table "w"."s"."t__eltflow_tmp_0123abcd" as (
select id, v
from w.s.up
);
select 1 from duckdb_constraints() where constraint_type = 'FOREIGN KEY' and database_name = 'w' and schema_name = 's' and referenced_table = 't' and table_name <> referenced_table limit 1;
drop table if exists "w"."s"."t";
alter table "w"."s"."t__eltflow_tmp_0123abcd" rename to "t";
commit;
