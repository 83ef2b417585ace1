begin;
create table "w"."s"."t" as (
select * from read_csv(['/data/a.csv'], header = true, delim = ';', quote = '"', escape = '"', comment = '', skip = 0, dateformat = '%Y-%m-%d', union_by_name = true, sample_size = -1, types = {'id': 'integer'})
);
commit;
