begin;
select * from (
select id, v
from w.s.up
) as eltflow_described limit 0;
copy (
select id, v
from w.s.up
) to '/p/out/.t.csv__eltflow_tmp_0123abcd' (format csv, header true, delimiter ';');
drop table if exists "w"."s"."t";
create or replace view "w"."s"."t" as (
select "id", "v" from read_csv('/p/out/.t.csv__eltflow_tmp_0123abcd', auto_detect = false, header = true, delim = ';', quote = '"', escape = '"', comment = '', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'HUGEINT', 'v': 'VARCHAR'}, hive_partitioning = false)
);
commit;
begin;
create or replace view "w"."s"."t" as (
select "id", "v" from read_csv('/p/out/t.csv', auto_detect = false, header = true, delim = ';', quote = '"', escape = '"', comment = '', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'HUGEINT', 'v': 'VARCHAR'}, hive_partitioning = false)
);
commit;
