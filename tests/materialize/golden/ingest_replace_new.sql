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
delete from "w"."eltflow_meta"."file" where relation = '"s"."t"';
delete from "w"."eltflow_meta"."cursor" where relation = '"s"."t"';
insert into "w"."eltflow_meta"."file" values ('"s"."t"', 'data/a.csv', 10, 1, '', '0123abcd'), ('"s"."t"', 'data/b.csv', 20, 2, '', '0123abcd');
insert into "w"."eltflow_meta"."load" values ('0123abcd', '"s"."t"', 'ingest.p.t', 2, null, current_timestamp);
commit;
