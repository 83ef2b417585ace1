select * from (
select * from read_csv(['/data/a.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)
) as eltflow_described limit 0;
select * from (
select * from read_csv(['/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, all_varchar = true)
) as eltflow_described limit 0;
begin;
create table "w"."s"."t" as (
select * from read_csv(['/data/a.csv', '/data/b.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, sample_size = -1)
);
select count(*) from "w"."s"."t" where "id" is null;
select 1 from "w"."s"."t" group by "id" having count(*) > 1 limit 1;
select cast(current_setting('preserve_insertion_order') as boolean);
delete from "w"."s"."t" where rowid in (select eltflow_id from (select rowid as eltflow_id, row_number() over (partition by "id" order by rowid desc) as eltflow_place from "w"."s"."t") as eltflow_rows where eltflow_place > 1);
alter table "w"."s"."t" add column "eltflow_valid_from" TIMESTAMP WITH TIME ZONE;
alter table "w"."s"."t" add column "eltflow_valid_to" TIMESTAMP WITH TIME ZONE;
update "w"."s"."t" set "eltflow_valid_from" = current_timestamp;
delete from "w"."eltflow_meta"."file" where relation = '"s"."t"';
delete from "w"."eltflow_meta"."cursor" where relation = '"s"."t"';
insert into "w"."eltflow_meta"."file" values ('"s"."t"', 'data/a.csv', 10, 1, 'hash-of-data/a.csv', '0123abcd'), ('"s"."t"', 'data/b.csv', 20, 2, 'hash-of-data/b.csv', '0123abcd');
insert into "w"."eltflow_meta"."load" values ('0123abcd', '"s"."t"', 'ingest.p.t', 2, null, current_timestamp);
commit;
