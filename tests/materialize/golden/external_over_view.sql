begin;
select * from (
select id, v
from w.s.up
) as eltflow_described limit 0;
copy (
select id, v
from w.s.up
) to 's3://lake/t.json' (format json);
create or replace view "w"."s"."t" as (
select "id", "v" from read_json('s3://lake/t.json', format = 'newline_delimited', columns = {'id': 'HUGEINT', 'v': 'VARCHAR'})
);
commit;
