begin;
select path, size, mtime_ns, hash from "w"."eltflow_meta"."file" where relation = '"s"."t"';
select * from (
select * from read_csv(['/data/a.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)
) as eltflow_described limit 0;
select * from (
select * from read_csv(['/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)
) as eltflow_described limit 0;
select min(case when (cast(try_cast(lower(trim("id")) as BIGINT) as varchar) = lower(trim("id"))) is not true and try_cast("id" as BIGINT) is not null then "id" end) from read_csv(['/data/a.csv', '/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true);
create temporary table "temp"."main"."t__eltflow_tmp_0123abcd" as (
select "id", "v" from (
select * from read_csv(['/data/a.csv', '/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, types = {'id': 'BIGINT', 'v': 'VARCHAR'})
) as eltflow_new
);
select count(*) from "temp"."main"."t__eltflow_tmp_0123abcd" where "v" is null;
delete from "w"."s"."t" as eltflow_target
where exists (
  select 1 from "temp"."main"."t__eltflow_tmp_0123abcd" as eltflow_source
  where eltflow_target."v" = eltflow_source."v"
);
insert into "w"."s"."t" ("id", "v")
select "id", "v" from "temp"."main"."t__eltflow_tmp_0123abcd";
drop table if exists "temp"."main"."t__eltflow_tmp_0123abcd";
insert into "w"."eltflow_meta"."file" values ('"s"."t"', 'data/a.csv', 10, 1, 'hash-of-data/a.csv', '0123abcd'), ('"s"."t"', 'data/b.csv', 20, 2, 'hash-of-data/b.csv', '0123abcd');
insert into "w"."eltflow_meta"."load" values ('0123abcd', '"s"."t"', 'ingest.p.t', 2, null, current_timestamp);
commit;
