begin;
create table "w"."s"."t__eltflow_tmp_0123abcd" as (
select * from read_csv(['/data/a.csv'], header = true, delim = ',', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, sample_size = -1)
);
drop view if exists "w"."s"."t";
alter table "w"."s"."t__eltflow_tmp_0123abcd" rename to "t";
commit;
