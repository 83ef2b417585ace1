begin;
select * from (
select id, v
from w.s.up
) as eltflow_described limit 0;
copy (
select * replace (cast("id" as DECIMAL(38, 0)) as "id") from (
select id, v
from w.s.up
) as eltflow_written
) to '/data/s/.t__eltflow_tmp_0123abcd' (format parquet, partition_by ("v"));
create or replace view "w"."s"."t" as (
select cast("id" as HUGEINT) as "id", "v" from read_parquet('/data/s/.t__eltflow_tmp_0123abcd/**/*.parquet', hive_partitioning = true, hive_types = {'v': 'VARCHAR'})
);
commit;
begin;
create or replace view "w"."s"."t" as (
select cast("id" as HUGEINT) as "id", "v" from read_parquet('/data/s/t/**/*.parquet', hive_partitioning = true, hive_types = {'v': 'VARCHAR'})
);
commit;
