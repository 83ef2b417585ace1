select rowid, id from o
select o.rowid from o
select #1 as a from o
from o select id
from o
select id: 1, x: id from o
select columns('i.*') from o
select columns(* exclude (id)) from o
select * like 'i%' from o
select o.* replace (id + 1 as id) from o
select unnest([1,2]) as u from o
select s.a from (select {'a': 1} as s)
select s['a'] from (select {'a': 1} as s)
select list_transform([1], lambda x: x + id) from o
select [x + 1 for x in [1,2] if x > 1] as l from o
select list_filter([{'a':1}], lambda e: e.a > 0) as f from o
select id as k, k + 1 as m from o
select id as k from o where k = 1
select id, count(*) from o group by all order by all
pivot o on oid using sum(amount) group by id
pivot o on oid using sum(amount)
unpivot o on id, amount into name k value v
select * from (pivot o on oid using sum(amount))
select * from o positional join c
select * from o asof join c on o.id >= c.id
select * from o semi join c using (id)
select id from o anti join c using (id)
select id from o qualify row_number() over (partition by id order by oid) = 1
select t.a from (values (1)) t(a)
select range from range(3)
select r.range from range(3) r
select i from range(3) t(i)
select generate_series from generate_series(1,3)
select u.unnest from unnest([1]) u
select x from unnest([1]) t(x)
summarize o
select name from c where name glob 'a*' and regexp_matches(name, 'a')
select distinct on (id) id, amount from o order by id, oid
select id from o order by id limit 10%
select id from o using sample 10%
select max(id) filter (amount > 1) from o
select arg_max(id, amount) as a, list(id order by oid) as l from o
select first(id order by amount) from o
select o from o
select o.id from o as o
select struct_pack(a := id) as s from o
select row(id, oid) as r from o
select id::varchar as v, cast(id as struct(a int)) as s from (select null as id)
select date '2020-01-01' + interval 1 day as d, date_trunc('month', current_date) as m, extract(year from current_date) as y from o
select current_date, current_timestamp, localtime, today(), now() from o
select 'a' in (select name from c) as b from o
with recursive t(n) as (select 1 union all select n+1 from t where n < 5) select n from t
with recursive t(n) using key (n) as (select 1 union select n+1 from t where n < 5) select n from t
select a.id from o a, lateral (select a.id + 1 as z) l
select l.z from o a, (select a.id + 1 as z) l
select coalesce(a.id, b.id) as id from o a full join c b on a.id = b.id
select id from o union by name select name from c
select id from o union all by name select name, id from c
select alias.x from (select 1 as x) alias
select greatest(id, oid), least(id, oid, amount), concat(id, oid), concat_ws(',', id, oid) from o
select round(amount, 1), round(amount), substr('abc', 1), substr('abc', 1, 1), log(10), log(2, 8), lag(id) over (order by id), lag(id, 1, 0) over (order by id) from o
select strftime(current_date, '%Y'), strptime('2020', '%Y'), date_diff('day', current_date, current_date), if(true, 1, 2), ifnull(id, 0), nullif(id, 1) from o
select count(), count(*), count(id), sum(distinct id), string_agg(name), string_agg(name, ',') from o join c using (id)
select json_extract('{}', '$.a'), '{}'::json->'a', '{}'::json->>'$.a' from o
select id from o where id = any (select id from c)
select getvariable('x') as v from o
select sum(amount) over (order by id rows between 1 preceding and current row exclude current row) from o
select id, sum(amount) over w from o window w as (partition by id)
select id from o group by id having count(*) > 1 and max(amount) > min(amount)
select id, oid from o group by grouping sets ((id), (oid), ())
select id, grouping(id) from o group by rollup (id)
select "id" from "o"
select ID, O.Id from o
select trim(both 'a' from name), position('a' in name), substring(name from 1 for 2), overlay(name placing 'x' from 1) from c
select 1 as a, a + 1 as b, (select max(id) from o) as m
select case when id then 1 end from o
select min_by(id, amount), mode(id), median(amount), quantile_cont(amount, 0.5) from o
select * from o where (id, oid) in (select id, id from c)
select * from o where exists (from c where c.id = o.id)
select * from o join c on true join (select id as z from o) q on q.z = c.id
select id from o order by id desc nulls last limit (select 1)
select try_cast(name as int), cast(name as date), name::timestamp from c
select map {'a': id} as m, m['a'] as n from o
select [id, oid] as l, l[1] as f, l[1:2] as s from o
select count_if(id > 1), bool_or(id > 1), histogram(id) from o
select uuid(), random(), gen_random_uuid(), pi() from o
select format('{}', id), printf('%d', id) from o
select c.name.upper() as u, name.lower().trim() as l from c
select id, row_number() over () as rn from o qualify rn = 1
select t.* from (from o) t
select x.id from (select * from o join c using (id)) x
