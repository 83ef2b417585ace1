select current_date as d, current_timestamp as t from o
select _partitiontime as p, _partitiondate as q, _table_suffix as s, _file_name as f from o
select _PARTITIONTIME from o
select o._partitiontime from o
select o from o
select o.* except (oid) from o
select * except (oid) from o
select * replace (1 as id) from o
select x from unnest([1,2]) as x
select x, off from unnest([1,2]) as x with offset as off
select x, offset from unnest([1,2]) as x with offset
select s.a, s.b from unnest([struct(1 as a, 2 as b)]) as s
select a from unnest([struct(1 as a, 2 as b)])
select item.sku from (select [struct('a' as sku)] as items) t, t.items as item
select item.sku from (select [struct('a' as sku)] as items) t, unnest(t.items) as item
select item.sku from (select [struct('a' as sku)] as items) t cross join t.items item
select t.s.a from (select struct(1 as a) as s) t
select s.a from (select struct(1 as a) as s)
select array(select x from unnest([1]) x) as a from o
select array_agg(id order by oid limit 1)[offset(0)] as a from o
select array_agg(struct(id, oid))[safe_offset(0)].id as a from o
select as struct id, oid from o
select as value struct(id) from o
select id from o for system_time as of current_timestamp()
select id from o where date(_partitiontime) = '2020-01-01'
select date_trunc(current_date, month) as m, date_diff(current_date, current_date, isoweek) as w, extract(isoyear from current_date) as y from o
select timestamp_trunc(current_timestamp, week(monday)) as w, date_add(current_date, interval 1 day) as d from o
select format_date('%Y', current_date) as f, safe_divide(1, 0) as s, safe.substr('a', 1) as x from o
select if(id = 1, "yes", 'no') as y from o
select r'\d' as r, b'a' as b, """x""" as t from o
select id from `o`
select `o`.id from o
select id from o tablesample system (10 percent)
select id from o qualify row_number() over (partition by id order by oid) = 1
select id as k, count(*) as n from o group by k
select id, count(*) as n from o group by 1 having n > 1
select @p as p from o
select @@query_label as q
select p.id from o pivot(sum(amount) for oid in (1, 2)) as p
select id, _1 from o pivot(sum(amount) for oid in (1, 2))
select k, v from o unpivot(v for k in (id, amount))
select st_geogpoint(1, 2) as g
select ml.predict from (select 1 as predict) ml
select * from ml.predict(model m, table o)
select predicted_x from ml.predict(model m, (select id from o))
select o.id from o join c using (id)
select id from o full join c using (id)
select t.id from (select * from o) as t where t.ID = 1
select with_x.id from o as with_x
select rand() as r, generate_uuid() as g, session_user() as u from o
select json_value(j, '$.a') as a, j.b.c as cc from (select json '{}' as j)
select x.id from o as x, o as y where x.id = y.id
select approx_quantiles(amount, 4)[offset(2)] as q from o
with recursive t as (select 1 as n union all select n + 1 from t where n < 3) select n from t
from o |> where id > 1 |> select id
select level from unnest([1]) as level
select row_number() over w as r from o window w as (order by id)
select "abc" as x from o
