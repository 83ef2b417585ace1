select min(case when (("id" >= '1' and try_cast("id" as hugeint) >= (cast([0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000] as bigint[]))[strlen("id")] and (try_cast("id" as hugeint) & 3 <> 0 or try_cast("id" as hugeint) % 100 <> 0)) or case when try_cast("id" as hugeint) is null then null when regexp_matches("id", '^[+-]?[0-9_.]+[eE]') then try_cast("id" as double) is not distinct from cast(try_cast("id" as hugeint) as double) else not regexp_matches("id", '[.][0-9_]{0}[0-9_]*[1-9]') end) is false then "id" end) from (select * from read_csv(['/data/a.csv'], header = true, delim = ';', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)) as eltflow_new;
begin;
create table "w"."s"."t" as (
select * from read_csv(['/data/a.csv'], header = true, delim = ';', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, sample_size = -1, types = {'id': 'integer'})
);
commit;
