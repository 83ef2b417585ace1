-- Each query is followed by `-->` and what each output column's value is made of: columns of `lineage_world.py`, `-` for none, outputs
-- apart by `;`. A name that two tables have is written with its table. In parentheses: what the walk says and nothing shows.

-- class: plain
select a, b as bb, a + b as s, 1 as one from t --> a; b; a b; -
select a from t where b > 2 --> a
select t.a, u.m from t join u on t.k = u.k --> a; m
select a::varchar || g as x, try_cast(g as int) as y from t --> a g; g
select coalesce(a, b) as x, nullif(a, b) as y, greatest(a, b) as z from t --> a b; a; a b
select case when a > 2 then b else id end as x from t --> b id
select case a when 1 then b when 2 then id end as x, if(a > 1, g, 'z') as y from t --> b id; g
select a > b as flag, a is null as gone, a between b and id as mid from t --> a b; a; a b id
select a in (1, 2) as x, g like 'a%' as y from t --> a; g
select x.a from t as x where x.b in (1, 2, 3) --> a
select "a" as "B" from t --> a
from t --> id; t.k; t.g; a; b; day; l; s
from t select a, g where b is not null --> a; g
table m --> yr; jan; feb; mar
select distinct g from t --> t.g
select distinct on (g) g, a from t order by g, b, id --> t.g; a
select a from t order by b, id limit 3 --> a
select a from t order by b desc, id limit 3 offset 1 --> a
select a as x, b from t order by x, b, id limit 4 --> a; b
select a, b from t order by 2, 1, id limit 4 --> a; b
select a from t order by b --> a
select * from t, m where t.id = m.jan --> id; t.k; t.g; a; b; day; l; s; yr; jan; feb; mar
select year(day) as y, date_trunc('month', day) as mth, day + interval 1 day as nxt from t --> day; day; day
select extract(month from day) as y, strftime(day, '%Y') as x from t --> day; day
select count(*) as n from t where a > 1 --> -
select a from t tablesample 100 percent --> a
select #4 as x from t --> a
select (a) as x, -b as y, not (a > b) as z from t --> a; b; a b
select concat(g, n) as x from t, u where t.id = u.m --> g n
select current_date is not null as x, a from t --> -; a

-- class: aggregate
select g, sum(a) as s, count(*) as n from t group by g --> t.g; a; -
select g, sum(a) as s from t group by 1 having count(*) > 1 --> t.g; a
select g, max(b) as m from t group by g having min(a) > 1 --> t.g; b
select k, g, avg(a + b) as x from t group by all --> t.k; t.g; a b
select upper(g) as gg, sum(a) as s from t group by gg --> t.g; a
select g, sum(a) filter (where b > 2) as s from t group by g --> t.g; a
select g, string_agg(n, ',' order by m) as x from t join u using (k) group by g --> t.g; n
select count(distinct a) as n, sum(distinct b) as s from t --> a; b
select arg_max(a, b) as x, min_by(id, a) as y from t --> a; id
select quantile_cont(a, 0.5) as x, median(b) as y from t --> a; b
select percentile_cont(0.5) within group (order by a) as x, mode() within group (order by g) as y from t --> a; g
select list(a order by b, id) as x, first(g order by id) as y from t --> a; g
select g, k, sum(a) as s from t group by grouping sets ((g), (k), ()) --> t.g; t.k; a
select g, k, sum(a) as s from t group by rollup (g, k) --> t.g; t.k; a
select g, k, sum(a) as s from t group by cube (g, k) --> t.g; t.k; a
select max(a) - min(b) as spread from t --> a b
select sum(case when g = 'a' then a else 0 end) as x from t --> a
select sum(a) / count(b) as x from t --> a b
select g, count(*) as n from t group by g order by n desc, g limit 2 --> t.g; -
select g, any_value(k) is not null as x, bool_or(a > 2) as y from t group by g --> t.g; t.k; a
select corr(a, b) as x, bit_xor(a) as y, product(b) as z from t --> a b; a; b
select sum(sum(a)) over () as x from t group by g --> a
select count(*) filter (where a > 2) as n from t --> -
select t.g, count(*) filter (where u.m > 3) as n from t left join u using (k) group by all having n > 0 --> t.g; -
select g, max(b) as a from t group by g having min(a) > 1 --> t.g; b
select t.id, w.g as k from t join w on t.k = w.k where w.g in ('a', 'b') --> id; w.g
select g || '!' as x, count(*) as n from t group by all having max(b) > 3 --> t.g; -
select histogram(a) as h, approx_count_distinct(b) as x from t --> a; b
select k + 1 as kk, sum(a) as s from t group by k --> t.k; a
select count(a) as x, count(t.b) as y from t --> a; b

-- class: window
select row_number() over (order by a, id) as r, id from t --> -; id
select sum(a) over (partition by g) as s from t --> a
select sum(a) over (partition by g order by b, id rows between 1 preceding and current row) as s from t --> a
select lag(a) over (order by id) as x, lead(b, 2, 0) over (order by id) as y from t --> a; b
select first_value(a) over w as x, last_value(b) over w as y from t window w as (partition by g order by id) --> a; b
select a from t qualify row_number() over (partition by g order by b, id) = 1 --> a
select a, rank() over (order by b) as r from t qualify r <= 2 --> a; -
select sum(a) filter (where b > 2) over (partition by k) as x from t --> a
select ntile(2) over (order by a, id) as x, percent_rank() over (partition by g order by b) as y from t --> -; -
select a - avg(a) over (partition by g) as d from t --> a
select id, count(*) over (partition by g) as n from t --> id; -
select arg_max(a, b) over (partition by g order by id) as x from t --> a
select sum(a) over (w rows between 1 preceding and 1 following) as x from t window w as (order by id) --> a
select g, sum(count(*)) over (order by g) as n from t group by g --> t.g; -
select max(a) over (order by id rows between b preceding and current row) as x from t where b is not null --> a
select first_value(a ignore nulls) over (order by id) as x from t --> a

-- class: join
select a, m from t left join u on t.k = u.k and u.m > 2 --> a; m
select a, m from t right join u on t.k = u.k --> a; m
select a, m from t full join u on t.k = u.k --> a; m
select k, a, m from t join u using (k) --> t.k; a; m
select k, m from t right join u using (k) --> u.k; m
select k, a, m from t full join u using (k) --> t.k u.k; a; m
select * from t join u using (k) --> id; t.k; t.g; a; b; day; l; s; m; n
select * from u natural join w --> u.k; m; n; w.g; p; q
select * from (select k, g, a from t) natural join (select k, g, p from w) --> t.k; t.g; a; p
select a from t semi join u on t.k = u.k --> a
select a from t anti join u using (k) --> a
select t.a, x.p from t cross join w as x --> a; p
select a, m from t positional join u --> a; m
select t.id, v.p from t asof join w as v on t.k = v.k and t.id >= v.q --> id; p
select u.*, t.a from t join u on t.k = u.k --> u.k; m; n; a
select x.a, y.a as other from t x join t y on x.id = y.b --> a; a
select a, m, p from t join (u join w using (k)) on t.k = u.k --> a; m; p
select a, m, p from t join u using (k) join w using (k) --> a; m; p
select k, p from u full join w using (k) full join t using (k) --> u.k w.k t.k; p
select * from (t join u using (k)) --> id; t.k; t.g; a; b; day; l; s; m; n
select a, m from t, u where t.k = u.k and u.n <> 'x' --> a; m
select t.k, u.k as uk from t join u using (k) --> t.k; u.k
select a from t join u on t.k = u.k or t.id = u.m --> a
select z.a, z.m from (t join u using (k)) z --> a; m

-- class: subquery
select a, (select max(m) from u) as x from t --> a; m
select a, (select max(m) from u where u.k = t.k) as x from t --> a; m
select a, (select t.b + max(m) from u where u.k = t.k) as x from t --> a; b m
select a from t where k in (select k from u where m > 2) --> a
select a from t where k not in (select k from u where k is not null) --> a
select a from t where exists (select 1 from u where u.k = t.k and m > b) --> a
select a from t where not exists (from u where u.k = t.k) --> a
select a from t where b > (select avg(p) from w where w.g = t.g) --> a
select a from t where b > all (select p - 3 from w) --> a
select a from t where b = any (select p from w) --> a
select x from (select a + b as x, g from t where id > 2) where g <> 'c' --> a b
select x.s from (select g, sum(a) as s from t group by g) as x --> a
select x.q1 from (select a, b from t) as x(q1, q2) --> a
select a, exists (select 1 from u where u.k = t.k) as x from t --> a; -
select a in (select p from w) as x from t --> a p
select (select a from t where id = 3) as x --> a
select (select count(*) from u where u.k = t.k) as n, id from t --> -; id
select (select n from u where u.k = t.k order by m limit 1) as x from t --> n
select a from (select distinct a, b from t) --> a
select a from (select a from t order by b, id limit 3) --> a
select case when exists (select 1 from u where u.k = t.k) then a else b end as x from t --> a b
select (k, g) in (select (k, g) from w) as x from t --> t.k t.g w.k w.g
select a from t where (select max(m) from u where u.k = t.k and t.b in (select p from w where w.g = t.g)) > 1 --> a
select array(select m from u where u.k = t.k order by m) as x from t --> m

-- class: cte
with c as (select a, b from t) select a + b as x from c --> a b
with c(x, y) as (select a, b from t) select y from c --> b
with c as (select g, sum(a) as s from t group by g), d as (select max(s) as top from c) select g from c, d where s = top --> t.g
with t as (select m as a from u) select a from t --> m
with c as (from t) select a, g from c --> a; t.g
with c as (select * from t), d as (select * exclude (a) from c) select b from d where id > 2 --> b
with c as (select a as x from t), d as (select x as y from c) select y as z from d --> a
select a from t where k in (with c as (select k from u where m > 1) select k from c) --> a
with c as (with d as (select a, id from t) select a from d where id > 1) select * from c --> a
with c as materialized (select a from t) select x.a, y.a as a2 from c x, c y where x.a = y.a --> a; a
with unused as (select m from u) select a from t --> a
with t as (select a, b from t where id > 2) select a from t --> a

-- class: recursive
with recursive r as (select eid, boss, nm from e where boss is null union all select e.eid, e.boss, e.nm from e join r on e.boss = r.eid) select nm from r --> nm
with recursive r(i, path) as (select eid, nm from e where boss is null union all select e.eid, r.path || '/' || e.nm from e join r on e.boss = r.i) select i, path from r --> eid; nm
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select n from r --> -
with recursive r(n, m) as (select id, a from t where id = 1 union all select n + 1, m + n from r where n < 4) select m from r --> id a
with recursive r as (select eid, sal, 0 as depth from e where boss is null union select e.eid, r.sal + e.sal, depth + 1 from e, r where e.boss = r.eid) select depth, sal from r --> -; sal
with recursive r(x, y, z) as (select a, b, id from t where id = 2 union all select y, z, x + 1 from r where x < 20) select x from r --> a b id
with recursive r(n) as (select min(id) from t union all select n + 1 from r where n < (select max(m) from u)) select count(*) as c, max(n) as x from r --> -; id
with recursive up as (select eid, boss, 1 as lvl from e where nm = 'f' union all select e.eid, e.boss, lvl + 1 from up join e on e.eid = up.boss) select eid, lvl from up --> eid; -

-- class: set
select a from t union all select m from u --> a m
select a, g from t union select p, g from w --> a p; t.g w.g
select a from t except select p from w --> a
select a from t intersect select p from w --> a
select k, g from t except all select k, g from w --> t.k; t.g
select a, b from t union all by name select m as b, k as a from u --> a u.k; b m
select a, id from t union by name select m as id from u --> a; id m
select a from t union all by name select m as zz from u --> a; m
(select a from t order by b, id limit 2) union all (select m from u order by k, m limit 1) --> a m
select a from t union all select m from u union all select p from w --> a m p
select a from t union all (select m from u except select p from w) --> a m
select x from (select a as x from t union all select b from t) where x > 2 --> a b
with c as (select a as x, g from t union all select m, n from u) select g, sum(x) as s from c group by g --> t.g n; a m
select a from t union select m from u order by 1 limit 2 --> a m
select a as x from t where id < 3 union all select 0 --> a
select * from t union all by name select m as a, n as zz from u --> id; t.k; t.g; a m; b; day; l; s; n

-- class: star
select * exclude (l, s, day) from t --> id; t.k; t.g; a; b
select * exclude (l, s, day) replace (a * 2 as a) from t --> id; t.k; t.g; a; b
select * exclude (l, s, day) replace (b + id as a) from t --> id; t.k; t.g; b id; b
select * exclude (l, s, day) rename (a as aa) from t --> id; t.k; t.g; a; b
select t.* exclude (l, s, day), m from t join u using (k) --> id; t.k; t.g; a; b; m
select columns('^(a|b)$') from t --> a; b
select columns('^(a|b)$') + 1 from t --> a; b
select max(columns(['a', 'b'])) from t --> a; b
select min(columns(* exclude (l, s, day, g))) from t --> id; t.k; a; b
select columns(lambda c: c in ('a', 'id')) from t --> id; a
select columns(lambda c: c like '%a%' and c != 'day') from t --> a
select * like 'd%' from t --> day
select * similar to 'a|b' from t --> a; b; day
select columns('(.)an') as 'x_\1' from m --> jan
select columns('an|eb') * yr as v from m --> jan yr; feb yr
select x_a from (select columns('^(a|b)$') as 'x_\0' from t) --> a
select coalesce(columns(['a', 'b']), 0) from t --> a; b
select * from (select a, b from t) join (select k, m from u) on a = m --> a; b; u.k; m
select * exclude (k) from u join w using (k) --> m; n; w.g; p; q
select count(*) as c, sum(columns('^[ab]$')) from t --> -; a; b
select id from t where columns(['a', 'b']) > 1 --> id

-- class: lateral
select a, x from t, lateral (select t.a + t.b as x) --> a; a b
select t.id, v.m from t left join lateral (select max(m) as m from u where u.k = t.k) v on true --> id; m
select t.id, v.m from t, (select m from u where u.k = t.k) v --> id; m
select id, x from t, unnest(t.l) as z(x) --> id; l
select id, unnest(l) as x from t --> id; l
select id, x from t cross join unnest(l) as z(x) where x > 2 --> id; l
select id, i from t, range(t.b) as r(i) where b < 5 --> id; b
select id, i from t, generate_series(1, a) as r(i) --> id; a
select t.a, q.y from t, lateral (select x.p + t.b as y from w x where x.g = t.g order by x.q, x.p limit 1) q --> a; p b
select a + b as x, x * 2 as y from t --> a b; a b
select a + b as x, x + id as y, y - x as z from t --> a b; a b id; a b id
select a as b, b as c from t --> a; b
select a + 1 as x from t where x > 3 --> a
select id, z from t, lateral (select unnest(t.l) as z) where z > 1 --> id; l
select i from range(3) r(i) --> -
select v.x + t.a as y from t, (values (1), (2)) as v(x) --> a

-- class: nested
select s.x, s.y from t --> s; s
select t.s.x as p from t --> s
select (s).y as p, s['x'] as q from t --> s; s
select v.x from (select {'x': a, 'y': b} as v from t) --> a
select v.y + 1 as y from (select struct_pack(x := a, y := b) as v from t) --> b
with c as (select {'i': {'p': a, 'q': b}} as v from t) select v.i.q as z from c --> b
select unnest(v) from (select {'x': a, 'y': b} as v from t) --> a; b
select v.* from (select {'x': a, 'y': b} as v from t) --> a; b
select list_transform(l, lambda z: z + a) as x from t --> l a
select [z + b for z in l if z > a] as x from t --> l b
select l[1] as x, len(l) as n from t --> l; l
select [a, b] as x, map(['p'], [a]) as y from t --> a b; a
select list_filter(l, lambda z: z > b) as x from t --> l b
select list_sum(list_transform(l, lambda x: x * id)) as x from t --> l id
select u from u --> u.k m n
select u.n as x, struct_extract(s, 'x') as y from t join u using (k) --> n; s
select array_agg({'x': a, 'y': g} order by id)[1].x as z from t --> a (g)
select row(a, b) as x from t --> a b
select unnest([a, b]) as x, id from t --> a b; id
select s.x from t where s.y > 2 --> s
select json_object('x', a, 'y', b) ->> '$.x' as z from t --> a (b)

-- class: pivot
pivot (select g, k, a from t where k is not null) on k in (1, 2, 3) using sum(a) group by g --> t.g; a; a; a
select * from (select g, k, a from t) pivot (sum(a) for k in (1, 2)) --> t.g; a; a
select * from (select g, k, a, b from t) pivot (sum(a) as sa, max(b) as mb for k in (1, 2) group by g) --> t.g; a; b; a; b
from (pivot t on k in (1, 2) using sum(a), count(*) group by g) --> t.g; a; -; a; -
with p as (pivot t on k in (1, 2) using max(b) group by g) select g, "1" from p --> t.g; b
select "1" as x, "2" + 1 as y from (pivot t on k in (1, 2) using sum(a) group by g) --> a; a
select p1, g from (select g, k, a from t) pivot (sum(a) for k in (1 as p1, 2 as p2)) as z --> a; t.g
pivot (select g, k from t) on k in (1, 2) group by g --> t.g; -; -
unpivot m on jan, feb, mar into name mon value amt --> yr; -; jan feb mar
select mon, amt from (unpivot m on columns(* exclude yr) into name mon value amt) --> -; jan feb mar
select * from m unpivot (amt for mon in (jan, feb)) --> yr; mar; -; jan feb
select * from m unpivot include nulls (amt for mon in (jan, feb)) --> yr; mar; -; jan feb
select yr, sum(amt) as s from (unpivot m on jan, feb into name mon value amt) where mon <> 'feb' group by yr --> yr; jan (feb)
select * from m unpivot ((p, q) for mon in ((yr, jan) as x, (feb, mar) as y)) --> -; yr feb; jan mar
unpivot (select yr, jan, feb from m) on jan + 1 as j, feb into name mon value amt --> yr; -; jan feb
with q as (unpivot m on jan, feb into name mon value amt) select mon, max(amt) as x from q group by mon --> -; jan feb

-- class: values
select x + a as y from (values (1), (2)) as v(x), t --> a
values (1, 'a'), (2, 'b') --> -; -
select col0 from (values (1, 2)) --> -
select v.x from t, lateral (values (t.a), (t.b)) as v(x) --> a b
select v.x, id from (values (1, 'p'), (2, 'q')) v(i, x) join t on t.id = v.i --> -; id
