begin;
select path, size, mtime_ns, hash from "w"."eltflow_meta"."file" where relation = '"s"."t"';
select * from (
select * from read_csv(['/data/a.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)
) as eltflow_described limit 0;
select * from (
select * from read_csv(['/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)
) as eltflow_described limit 0;
select min(case when ((eltflow_text_0 >= '1' and eltflow_value_0 >= (cast([0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000] as bigint[]))[strlen(eltflow_text_0)] and (eltflow_value_0 & 3 <> 0 or eltflow_value_0 % 100 <> 0)) or cast(eltflow_value_0 as varchar) = eltflow_text_0) is not true and try_cast("id" as BIGINT) is not null then "id" end) from (select "id", lower(trim("id")) as eltflow_text_0, try_cast(eltflow_text_0 as BIGINT) as eltflow_value_0 from read_csv(['/data/a.csv', '/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)) as eltflow_new;
create temporary table "temp"."main"."t__eltflow_tmp_0123abcd" as (
select "id", "v" from (
select * from read_csv(['/data/a.csv', '/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, types = {'id': 'BIGINT', 'v': 'VARCHAR'})
) as eltflow_new
);
select count(*) from "temp"."main"."t__eltflow_tmp_0123abcd" where "id" is null;
select 1 from "temp"."main"."t__eltflow_tmp_0123abcd" group by "id" having count(*) > 1 limit 1;
select cast(current_setting('preserve_insertion_order') as boolean);
delete from "temp"."main"."t__eltflow_tmp_0123abcd" where rowid in (select eltflow_id from (select rowid as eltflow_id, row_number() over (partition by "id" order by rowid desc) as eltflow_place from "temp"."main"."t__eltflow_tmp_0123abcd") as eltflow_rows where eltflow_place > 1);
delete from "temp"."main"."t__eltflow_tmp_0123abcd" as eltflow_new where exists (
  select 1 from "w"."s"."t" as eltflow_old where eltflow_old."eltflow_valid_to" is null and eltflow_new."id" = eltflow_old."id" and eltflow_new."v" is not distinct from eltflow_old."v"
);
update "w"."s"."t" as eltflow_old set "eltflow_valid_to" = (select min(current_timestamp) from "temp"."main"."t__eltflow_tmp_0123abcd" as eltflow_new where eltflow_new."id" = eltflow_old."id")
where eltflow_old."eltflow_valid_to" is null and exists (select 1 from "temp"."main"."t__eltflow_tmp_0123abcd" as eltflow_new where eltflow_new."id" = eltflow_old."id");
insert into "w"."s"."t" ("id", "v", "eltflow_valid_from")
select "id", "v", current_timestamp from "temp"."main"."t__eltflow_tmp_0123abcd";
drop table if exists "temp"."main"."t__eltflow_tmp_0123abcd";
insert into "w"."eltflow_meta"."file" values ('"s"."t"', 'data/a.csv', 10, 1, 'hash-of-data/a.csv', '0123abcd'), ('"s"."t"', 'data/b.csv', 20, 2, 'hash-of-data/b.csv', '0123abcd');
insert into "w"."eltflow_meta"."load" values ('0123abcd', '"s"."t"', 'ingest.p.t', 2, null, current_timestamp);
commit;
