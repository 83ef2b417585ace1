select current_user as u, session_user as s, current_catalog as c, current_schema as d, localtime as l, localtimestamp as m, current_time as t from o
select ctid, xmin, xmax, cmin, cmax, tableoid from o
select nextval('seq') as n from o
select * from o order by id using >
select extract(epoch from now()) as e from o
select date_part('day', now()) as e from o
select o from o
select (o).id from o
select o.* from o
select row_to_json(o) as j from o
select to_jsonb(x) as j from (select id from o) x
select count(o) as n from o
select id from o group by o.id having count(o.*) > 1
select x.a from (values (1,2)) as x(a, b)
select g from generate_series(1,3) g
select g.g from generate_series(1,3) as g
select g.n, id from o, generate_series(1,3) with ordinality as g(v, n)
select j.key, j.value from o, jsonb_each('{}'::jsonb) j
select j.value from o cross join lateral jsonb_array_elements('[]'::jsonb) as j
select t.a from o, unnest(array[1,2]) as t(a)
select r.a from json_to_recordset('[]') as r(a int)
select array_agg(id order by oid) as a from o
select percentile_cont(0.5) within group (order by amount) as m from o
select string_agg(name, ',' order by name) as s from c
select id, sum(amount) over w as s from o window w as (partition by id)
select distinct on (id) id, amount from o order by id, oid
select id from o where (id, oid) in (select id, id from c)
select position('a' in name) as p, substring(name from 1 for 2) as s, overlay(name placing 'x' from 1) as v, trim(both 'a' from name) as t from c
select id::text || E'\n' as e from o
select $$it's$$ as d from o
select interval '1 day' * id as i from o
select timestamp '2020-01-01' at time zone 'UTC' as z from o
select id from o for update
select id from only o
select id from o tablesample system (10)
with recursive t(n) as (select 1 union all select n+1 from t where n < 5) select n from t
with recursive t as (select 1 as n union all select n+1 from t) search depth first by n set ord select n, ord from t
with t as materialized (select id from o) select t.id from t
select o.id from o join c using (id) where id = 1
select x.id from (o join c using (id)) as x
select x.id from o join c using (id) as x
select coalesce(o.id, c.id) as id from o full join c on o.id = c.id
select a.id from o a natural join c b
select id from o where exists (select from c where c.id = o.id)
select case id when 1 then 'a' else 'b' end as k from o order by k
select id as k from o group by k
select id k from o order by k desc nulls last limit 1 offset 1
select id from o fetch first 3 rows only
select grouping(id) as g, id from o group by grouping sets ((id), ())
select * from c where name ~ '^a' and name ilike 'A%' and name similar to 'a%'
select array[1,2][1] as a, (array[1,2])[1:2] as b
select c.name collate "C" as n from c
select id from o where amount = any (array[1,2])
select lower(c.name) as "Weird" from c order by "Weird"
select excluded.id from (select 1 as id) excluded
select max(id) filter (where amount > 1) as m from o
select jsonb_path_query('{}', '$.a') as p
select name->>'a' as a, name->'b' as b from (select '{}'::jsonb as name) z
select xmlelement(name foo, name) from c
select t.id from o as t (id, b, cc)
select t.b from o as t (a, b)
select s.id from o s where s.id = (select max(q.id) from o q where q.oid = s.oid)
select l.z from o cross join lateral (select o.id + 1 as z) l
select public.f(id) as f from o
select id from s.other
select id, ordinality from o, unnest(array[1]) with ordinality
select (select sum(amount) from o where o.id = c.id) as s from c
select upper(name) as name from c order by name
select oid from pg_class
select v from unnest(array[1]) v
select current_setting('a.b') as s
select (x).n from (select row(1)::rec as x) y
select (information_schema._pg_expandarray(array[1])).n
select t.x from xmltable('/a' passing '<a/>' columns x int) t
select m.v from (select 1 as v) m, (select m2.v from (select 2 as v) m2) q
with recursive t as (select 1 as n union all select n+1 from t) cycle n set isc using path select n, isc, path from t
