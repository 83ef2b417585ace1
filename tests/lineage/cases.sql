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
select * similar to 'id|g' from t --> id; t.g
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

-- Written when all of the above was right.
-- class: plain
select id + k * 2 as z, case when g in ('a', 'b') then day end as d from t where l is not null --> id t.k; day
select upper(g) || '-' || id::varchar as label, b % 3 as r from t where a <> b --> t.g id; b
select ifnull(b, a) as x, least(id, a, b) as y, a is distinct from b as z from t --> a b; id a b; a b
select distinct a % 2 as odd, g from t where id < 7 --> a; t.g
select nm, sal from e where sal > 40 order by sal desc limit 2 offset 1 --> nm; sal
select list_sum(l) as s, len(l) as n, l[1] as f from t order by id --> l; l; l
select yr, coalesce(feb, jan + mar) as v from m where jan > 1 or mar is null --> yr; feb jan mar
select not (a > 3 and b < 5) as x, a between 2 and 4 as y from t --> a b; a
select date_diff('day', day, date '2026-01-01') as dd, dayname(day) as wd from t where a is not null --> day; day

-- class: aggregate
select g, count(distinct k) as n, sum(a * b) as s from t where id <> 3 group by g having sum(a) > 4 --> t.g; t.k; a b
select boss, max(sal) - min(sal) as spread, count(*) as heads from e group by boss order by heads desc, boss limit 2 --> boss; sal; -
select a > 3 as big, avg(b) as m from t group by a > 3 --> a; b
select year(day) as y, max(a) filter (where g <> 'c') as m from t group by 1 --> day; a
select sum(a) filter (where b > (select avg(m) from u)) as s from t --> a
select g, case when count(*) > 2 then max(a) else min(b) end as x from t where k is not null group by g --> t.g; a b
select k, min_by(g, a) as who, max(b) as mb from t group by k having count(b) > 0 --> t.k; t.g; b
select n, sum(m) as s, grouping(n) as gr from u group by rollup (n) --> n; m; -
select array_agg(nm order by sal desc, eid)[1] as top from e where boss is not null --> nm
select sum(a) as s, sum(s2) as t2 from (select a, b + k as s2 from t where g = 'a') --> a; b t.k

-- class: window
select id, sum(a) over (partition by k order by id rows between 1 preceding and current row) as r from t --> id; a
select nm, sal - avg(sal) over (partition by boss) as d from e --> nm; sal
select id, lead(g, 1, 'none') over (order by a, id) as nx from t where b is not null --> id; t.g
select g, a from t qualify rank() over (partition by g order by a desc) = 1 --> t.g; a
select id, count(*) over (partition by g) as n, ntile(2) over (order by id) as h from t --> id; -; -
select yr, first_value(jan) over w as f, last_value(feb) over w as z from m window w as (partition by yr order by mar, jan rows between unbounded preceding and unbounded following) --> yr; jan; feb
select g, sum(sum(b)) over (order by g) as run from t group by g --> t.g; b
select p, dense_rank() over (order by q) as d from w where g <> 'd' --> p; -

-- class: join
select t.id, u.n, w.q from t left join u on t.k = u.k and u.m > 2 join w on w.g = t.g --> id; n; q
select e.nm as who, b.nm as above from e left join e as b on e.boss = b.eid where e.sal > 30 --> nm; nm
select k, a, p from t full join w using (k) where coalesce(a, p) > 2 --> t.k w.k; a; p
select t.g, u.m from t right join u on t.a = u.m --> t.g; u.m
select t.id from t semi join u on u.k = t.k and u.m > t.b --> id
select t.id, a from t anti join w on w.k = t.k and w.p > 2 --> id; a
select x.id, y.id as other from t as x join t as y on x.g = y.g and x.id < y.id --> id; id
select sum(u.m) as s, count(w.p) as c from u cross join w where u.k = w.k --> u.m; p
select t.a, v.mx from t join (select k, max(m) as mx from u group by k) as v on v.k = t.k where v.mx > 2 --> a; m

-- class: subquery
select a, (select sum(p) from w where w.k = t.k and w.q > t.b) as s from t --> a; p
select id from t where b >= all (select m from u where k = 1) --> id
select nm from e as o where sal > (select avg(sal) from e as i where i.boss = o.boss) --> nm
select (select n from u order by m desc, n limit 1) as top, a from t where id = 1 --> n; a
select g, a + (select min(q) from w) as z from t where exists (select 1 from w where w.g = t.g and w.p < t.a) --> t.g; a q
select x from (select a + b as x, g from t where k = 1 union all select p, g from w where q > 2) where g <> 'b' --> a b p
select coalesce((select max(m) from u where u.k = t.id), 0) as best from t --> m

-- class: cte
with hi as (select k, max(a) as ma from t group by k), j as (select hi.k, ma, m from hi join u using (k)) select k, ma + m as z from j where m > 1 --> t.k; a m
with x as (select * from t where g = 'a'), y as (select * exclude (a) from x) select id, b from y where b > 1 --> id; b
with a as (select g, count(*) as n from t group by g), b as (select g, sum(p) as s from w group by g) select a.g, n, s from a left join b on a.g = b.g and b.s > 2 --> t.g; -; p
with c(x, y) as (select id, a from t where b > 1), d as materialized (select y as q, x from c) select max(q) as m, min(x) as i from d --> a; id

-- class: recursive
with recursive r as (select eid, nm, sal from e where boss is null union all select e.eid, e.nm, r.sal + e.sal from e join r on e.boss = r.eid where e.sal > 35) select nm, sal from r --> nm; sal
with recursive s(i, tot) as (select id, a from t where id = 1 union all select s.i + 1, tot + b from s join t on t.id = s.i + 1 where s.i < 4) select max(tot) as mx from s --> a b

-- class: set
select a as v from t where b > 2 union select m from u where n = 'p' --> a m
select g from t intersect select g from w where p > 1 --> t.g
select k, g from t except all select k, g from w --> t.k; t.g
(select id as x, g from t order by a desc, id limit 3) union all (select q, g from w) order by x limit 4 --> id q; t.g w.g
select g as z, a from t union by name select p as a, k as z2 from w --> t.g; a p; w.k

-- class: star
select * exclude (l, s) replace (a + b as a) from t where k = 1 --> id; t.k; t.g; a b; b; day
select t.* exclude (l, s, day), u.m from t join u on t.k = u.k --> id; t.k; t.g; a; b; m
select columns('^(jan|feb)$') * 2 from m where mar is not null --> jan; feb
select * rename (nm as name) from e where boss = 2 --> eid; boss; nm; sal

-- class: lateral
select t.id, v.best from t, lateral (select max(m) as best from u where u.k = t.k) as v where v.best > 3 --> id; m
select id, x * b as z from t, unnest(l) as n(x) where x > 2 --> id; l b
select t.id, v.n from t left join lateral (select n from u where u.k = t.k order by m desc, n limit 1) as v on true --> id; n

-- class: nested
select s.x + a as z, {'p': b, 'q': g} as st from t where s.y > 2 --> s a; b t.g
select list_transform(l, lambda v: v + b) as z, list_filter(l, lambda v: v > a) as f from t --> l b; l a
select st.p as z from (select {'p': a, 'q': b} as st, k from t) where st.q > 2 --> a
select id, unnest([a, b]) as v from t where k is not null --> id; a b

-- class: pivot
select * from (select g, k, b from t where a > 1) pivot (max(b) for k in (1, 2)) --> t.g; b; b
select mon, sum(amt) as s from (unpivot m on jan, feb, mar into name mon value amt) where amt > 2 group by mon --> -; jan feb mar
select g, "1" + coalesce("2", 0) as z from (pivot (select g, k, a from t) on k in (1, 2) using sum(a) group by g) --> t.g; a

-- class: values
select v.x, t.a from t join (values (1, 'one'), (2, 'two')) as v(k, x) on v.k = t.k --> -; a

-- Written when those were right too.
-- class: plain
select id as pk, lower(g) as g2, coalesce(b, 0) * a as amt from t where day >= date '2024-02-01' or b is null --> id; t.g; b a
select case when sal > 60 then 'hi' when boss = 1 then nm else 'lo' end as band from e --> nm
select k, m from u where n in ('p', 'q') and m <> 4 order by m limit 2 --> u.k; u.m
select jan + feb as h, mar is null as nomar, round(jan / 2.0, 1) as half from m where feb is not null --> jan feb; mar; jan
select regexp_replace(g, 'a', n) as r from t join u on t.id = u.m --> t.g u.n
select extract(quarter from day) as q, a || ':' || b as ab from t where not (k = 2) --> day; a b

-- class: aggregate
select boss, sum(sal) filter (where nm <> 'c') as s, avg(sal) as m from e where eid > 1 group by boss --> boss; sal; sal
select g, k, count(*) as n, sum(a) as s from t group by g, k having max(b) > 2 --> t.g; t.k; -; a
select date_trunc('year', day) as y, string_agg(g, ',' order by id) as gs from t group by all --> day; t.g
select max_by(nm, sal) as best, count(distinct boss) as bosses from e where sal < 85 --> nm; boss
select n, avg(m) over () as z, count(*) as c from u group by n, m --> u.n; u.m; -
select coalesce(sum(b), 0) as s, bool_and(a > 1) as ok from t where k in (1, 2) --> b; a
select k % 2 as par, min(p) as lo, max(q) as hi from w group by par order by par --> w.k; p; q

-- class: window
select id, row_number() over (partition by k order by b, id) as rn, sum(a) over (partition by k) as s from t --> id; -; a
select * from (select id, g, lag(b) over (partition by g order by id) as pb from t) where pb > 2 --> id; t.g; b
select nm, sal * 1.0 / sum(sal) over (partition by boss) as share from e qualify share < 0.9 --> nm; sal
select id, max(a) over (order by id rows unbounded preceding) - a as gap from t where g <> 'c' --> id; a
select g, p, percent_rank() over (partition by g order by p) as pr from w --> w.g; p; -

-- class: join
with tot as (select k, sum(m) as tm from u group by k) select t.id, t.a, tot.tm from t left join tot on t.k = tot.k --> id; a; u.m
with last as (select k, n, row_number() over (partition by k order by m desc, n) as rn from u) select t.id, last.n from t left join last on last.k = t.k and last.rn = 1 --> id; u.n
with d as (select distinct on (k) k, p from w order by k, q desc, p) select u.n, d.p from u left join d using (k) --> u.n; p
select t.id, x.c from t inner join (select g, count(*) as c from w group by g) as x on x.g = t.g where x.c > 1 --> id; -
select e.nm, t.a from e join t on e.eid = t.id and e.sal > t.b * 10 --> nm; a
select t.id, u.m, w.p from t left join u on u.k = t.k left join w on w.k = u.k and w.q > 1 --> id; u.m; p
select coalesce(t.k, u.k) as kk, count(*) as n from t full join u on t.k = u.k group by 1 --> t.k u.k; -
select t.id from t left join u on u.k = t.k where u.k is null --> id

-- class: subquery
select nm from e where eid in (select boss from e where sal < 60) --> nm
select a, b from t where (k, g) in (select k, g from w where p > 1) --> a; b
select id, (select count(*) from u where u.k = t.k) as n from t where (select max(m) from u where u.k = t.k) > 3 --> id; -
select id from t where not exists (select 1 from w where w.k = t.k and w.q < t.b) --> id
select s.g, s.tot from (select g, sum(a) as tot from t where id > 1 group by g) as s where s.tot > (select avg(p) from w) --> t.g; a

-- class: cte
with base as (select *, a - b as diff from t), agg as (select k, avg(diff) as ad from base group by k) select base.id, base.diff - agg.ad as dev from base left join agg using (k) --> id; a b
with x as (select k, m from u union all select k, p from w), y as (select k, sum(m) as s from x group by k) select t.id, coalesce(y.s, 0) as s from t left join y on y.k = t.k --> id; u.m p
with f as (select id, k from t where a > 2), g2 as (select f.id, u.n from f join u on u.k = f.k) select n, count(id) as c from g2 group by n --> u.n; id

-- class: recursive
with recursive up(eid, boss, top) as (select eid, boss, nm from e where boss is null union all select e.eid, e.boss, up.top from e join up on e.boss = up.eid) select top, count(*) as n from up group by top --> nm; -

-- class: set
select k, 'u' as src from u where m > 2 union all select k, g from w --> u.k w.k; w.g
select g from t except select g from w where q > 2 --> t.g
(select k from t where a > 2) intersect (select k from u) --> t.k

-- class: star
select * exclude (s, l), a * 2 as a2 from t where b > 1 --> id; t.k; t.g; a; b; day; a
select u.*, w.p from u join w on u.k = w.k and w.q > u.m --> u.k; u.m; u.n; p
select * replace (coalesce(mar, 0) as mar) from m --> yr; jan; feb; mar

-- class: lateral
select t.id, z.v from t, lateral (select t.a + u.m as v from u where u.k = t.k) as z --> id; a u.m
select id, c.x from t left join lateral (select sum(p) as x from w where w.g = t.g) as c on true --> id; p

-- class: nested
select s.x as x, list_contains(l, a) as has from t where s.y > b --> s; l a
select r.v.w as z from (select {'v': {'w': a + 1, 'z': b}} as r from t where k = 1) as q --> a
select id, unnest(['x', g]) as v from t --> id; t.g

-- class: pivot
select g, sum_a_1 as z from (select g, k, a from t) pivot (sum(a) for k in (1 as sum_a_1, 2 as sum_a_2) group by g) --> t.g; a
select yr, avg(v) as av from (unpivot m on jan, feb into name mo value v) group by yr having count(*) > 1 --> yr; jan feb

-- class: values
select t.id, coalesce(v.lbl, t.g) as lbl from t left join (values ('a', 'Alpha'), ('b', 'Beta')) as v(g, lbl) on v.g = t.g --> id; t.g

-- class: plain
select a * 2 as twice, b from t where a is not null and k in (1, 2) --> a; b
select coalesce(nullif(g, 'a'), 'none') as gg, abs(b - a) as d from t where id <> 3 --> t.g; a b
select day, a from t where day between '2024-01-01' and '2025-12-31' order by a --> day; a
select id, a from t where g = 'a' or (b > 3 and k = 2) --> id; a
select least(a, b, id) as lo, a % 3 as m3 from t --> a b id; a
select id from t order by a desc nulls last, id limit 2 --> id


-- class: aggregate
select k, count(*) as n, count(distinct g) as gs, sum(a) / nullif(count(b), 0) as x from t group by k having sum(b) > 2 --> t.k; -; t.g; a b
select date_trunc('year', day) as y, max(a) as hi, min(b) as lo from t group by 1 order by 1 --> day; a; b
select sum(m) as s, avg(m) filter (where n = 'p') as p from u where k is not null --> m; m
select g, list(distinct a order by a) as xs from t where b > 1 group by g --> t.g; a
select case when sum(a) > 6 then 'big' else 'small' end as size, k from t group by k --> -; t.k
select g, sum(a) as s from t group by g order by sum(b) desc, g limit 2 --> t.g; a


-- class: window
select id, a - lag(a) over (partition by g order by day, id) as step from t --> id; a
select id, rank() over (partition by k order by b desc) as r, dense_rank() over (order by a) as d from t where g <> 'c' --> id; -; -
select g, a from (select g, a, row_number() over (partition by g order by b desc, id) as rn from t) as x where rn = 1 --> t.g; a
select id, sum(b) over (order by id rows unbounded preceding) as run, a from t --> id; b; a
select k, m, m * 1.0 / sum(m) over (partition by k) as share from u --> u.k; m; m
select id, g from t qualify count(*) over (partition by g) > 2 --> id; t.g


-- class: join
select t.id, u.m, w.p from t left join u on u.k = t.k left join w on w.k = u.k and w.g = t.g --> id; m; p
select t.id, coalesce(w.q, u.m) as z from t join u using (k) left join w using (k) --> id; m q
select a.id, b.id as other from t as a join t as b on a.k = b.k and a.id < b.id --> id; id
select t.g, w.q from t full join w on t.g = w.g and t.k = w.k --> t.g; q
select id, a from t where exists (select 1 from w where w.k = t.k and w.p > t.b) --> id; a
select id from t anti join u using (k) --> id
select t.id, x.total from t left join (select k, sum(m) as total from u group by k) as x on x.k = t.k --> id; m
select t.id, d.q from t cross join (select max(q) as q from w) as d --> id; q


-- class: subquery
select id, (select sum(m) from u where u.k = t.k) as s, (select max(p) from w) as hi from t --> id; m; p
select id from t where a > (select avg(a) from t) --> id
select id, b from t where k not in (select k from u where k is not null) --> id; b
select g, a from t where (g, a) in (select g, max(a) from t group by g) --> t.g; a
select id, exists (select 1 from u where u.k = t.k and u.n = 'p') as has from t --> id; -
select id, a > all (select p from w where w.g = t.g) as top from t --> id; a p


-- class: cte
with x as (select k, sum(a) as s from t group by k), y as (select k, s, s > 5 as big from x) select y.k, u.n from y join u using (k) where big --> t.k; n
with recursive r as (select eid, boss, 1 as lvl from e where boss is null union all select e.eid, e.boss, r.lvl + 1 from e join r on e.boss = r.eid) select eid, lvl from r where lvl < 3 --> eid; -
with t as (select k, m from u where n = 'p') select k, m from t --> u.k; m
with recursive r(id, path) as (select eid, nm from e where boss is null union all select e.eid, r.path || '/' || e.nm from e join r on e.boss = r.id) select path from r --> nm
with a as (select g, a from t), b as (select g, max(a) as hi from a group by g) select a.g, a.a, b.hi - a.a as gap from a join b on a.g = b.g --> t.g; a; a


-- class: set
select g, a from t where b > 2 union select g, p from w where q < 4 --> t.g w.g; a p
select k from t intersect select k from u where m > 2 --> t.k
select k, m as v from u except select k, p from w --> u.k; m
select id, a from t union all by name select q as a, p as id from w --> id p; a q
(select id from t order by b, id limit 2) union all (select p from w order by q limit 1) --> id p
select sum(v) as s from (select a as v from t union all select m from u union all select q from w) --> a m q


-- class: star
select * exclude (l, s, day) replace (a + b as a) from t --> id; t.k; t.g; a b; b
select w.* exclude (p), t.a from t join w on t.k = w.k --> w.k; w.g; q; a
select columns('^[pq]$') + 1, g from w --> p; q; w.g
select min(columns(* exclude (n))) from u --> u.k; m
select * rename (m as amount) from u where m > 2 --> u.k; m; n


-- class: nested
select id, unnest(l) as x from t where a > 1 --> id; l
select id, s.x + s.y as xy, l[1] as first from t --> id; s; l
select id, list_transform(l, lambda v: v + a) as moved, len(l) as n from t --> id; l a; l
select x.v, t.id from t, unnest(t.l) as x(v) where x.v > b --> l; id
select {'a': a, 'b': b}.b as y, list_filter([a, b], lambda v: v > id) as f from t --> b; a b id
select g, list(s.x order by id) as xs from t group by g --> t.g; s


-- class: pivot
pivot (select yr, jan from m) on yr in (2020, 2021) using sum(jan) --> jan; jan
from (select g, k, a from t) pivot (sum(a) for k in (1, 2) group by g) --> t.g; a; a
unpivot (select yr, jan, feb from m) on jan, feb into name month value v --> yr; -; jan feb
select yr, v from m unpivot (v for month in (jan, mar)) where v > 2 --> yr; jan mar


-- class: lateral
select t.id, x.top from t, lateral (select max(m) as top from u where u.k = t.k) as x --> id; m
select t.id, x.z from t, lateral (select t.a + t.b as z) as x where x.z > 5 --> id; a b
select t.id, x.m from t left join lateral (select m from u where u.k = t.k order by m desc limit 1) as x on true --> id; m
select e.nm, b.sal - e.sal as gap from e, lateral (select sal from e as o where o.eid = e.boss) as b --> nm; sal

-- class: plain
select g || '-' || id as code, round(a / 2.0, 1) as half from t where coalesce(b, 0) < 5 --> t.g id; a
select iff.x from (select case when b is null then 0 else a end as x from t) as iff --> a
select id, a from t where day > '2024-02-01' and not (g = 'b' and b > 4) --> id; a
select yr, jan + feb + mar as total from m where feb is not null --> yr; jan feb mar
select nm, sal, sal > 50 as rich from e where boss is not null order by sal desc --> nm; sal; sal
select distinct k, g from t where a < 6 --> t.k; t.g


-- class: aggregate
select g, sum(a) as s, sum(sum(a)) over () as whole from t group by g --> t.g; a; a
select n, count(*) as c, min(m) as lo, max(m) - min(m) as span from u group by n having count(*) > 1 --> n; -; m; m
select sum(case when b > 2 then a end) as x, sum(case when b > 2 then 1 else 0 end) as y from t --> a; -
select year(day) as y, g, avg(a) as mean from t where day is not null group by y, g --> day; t.g; a
select count(*) as n, max(k) as top from u where m > 2 and n <> 'q' --> -; u.k
select boss, count(*) as reports, avg(sal) as pay from e group by boss order by pay desc, boss limit 1 --> boss; -; sal
select k, string_agg(g, ',' order by id) filter (where a > 1) as gs from t group by k --> t.k; t.g
select g, arg_max(id, a) as best, max(a) as top from t group by g --> t.g; id; a


-- class: window
select id, case when row_number() over (partition by g order by a, id) = 1 then b end as first_b from t --> id; b
select id, sum(a) over (partition by g order by id) - a as before from t --> id; a
select id, coalesce(lag(day) over (partition by k order by id), day) as prev from t --> id; day
select k, m, cume_dist() over (order by m) as cd, first_value(n) over (partition by k order by m) as f from u --> u.k; m; -; n
select id, a from (select *, rank() over (partition by g order by a desc) as r from t) as x where r = 1 --> id; a
select nm, sal, avg(sal) over (partition by boss) as peers from e qualify sal > avg(sal) over () --> nm; sal; sal
select id, ntile(3) over (order by b nulls first, id) as bucket, a from t where a is not null --> id; -; a
select eid, max(sal) over (order by eid rows between unbounded preceding and 1 preceding) as hi from e --> eid; sal


-- class: join
select t.id, u.m from t inner join u on t.k = u.k and t.a > u.m --> id; m
select t.id, coalesce(x.n, 0) as n from t left join (select k, count(*) as n from u where m > 2 group by k) as x using (k) --> id; -
select t.id, y.p from t left join (select k, p from w qualify row_number() over (partition by k order by p desc, q) = 1) as y on y.k = t.k --> id; p
select c.nm, b.nm as boss_name from e as c left join e as b on c.boss = b.eid --> nm; nm
select t.id, w.g as wg from t, w where t.k = w.k and t.g <> w.g --> id; w.g
select t.g, sum(w.q) as q, sum(u.m) as m from t left join w on w.k = t.k left join u on u.k = t.k group by t.g --> t.g; q; m
select u.n, t.id from u left join t on t.k = u.k where t.id is null or t.b > 2 --> n; id
select t.id, s.hi, t.a > s.hi * 0.5 as large from t cross join (select max(a) as hi from t where g = 'a') as s --> id; a; a
select id, m from t semi join w using (k) join u using (k) --> id; m
select a.g, a.s, b.s as prev from (select g, sum(a) as s from t group by g) as a left join (select g, sum(p) as s from w group by g) as b on a.g = b.g --> t.g; a; p


-- class: subquery
select id, a - (select avg(a) from t as o where o.g = t.g) as diff from t --> id; a
select id from t where k in (select k from w where g = t.g) --> id
select id, (select n from u where u.k = t.k order by m desc limit 1) as top from t --> id; n
select g, count(*) as c from t where not exists (select 1 from u where u.k = t.k and u.m > t.a) group by g --> t.g; -
select id, b in (select q from w) as hit from t --> id; b q
select nm from e where sal = (select max(sal) from e as o where o.boss = e.boss) --> nm


-- class: cte
with base as (select id, k, a from t where b is not null), agg as (select k, sum(a) as s from base group by k) select base.id, agg.s from base join agg on agg.k = base.k --> id; a
with a as (select k, m from u), b as (select k, max(m) as m from a group by k) select a.k, a.m = b.m as is_top from a join b using (k) --> u.k; m
with ranked as (select *, row_number() over (partition by k order by m desc, n) as rn from u) select k, m, n from ranked where rn = 1 --> u.k; m; n
with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select n.i, t.id from n join t on t.id = n.i --> -; id
with recursive up as (select eid, boss, nm as top from e where boss is null union all select e.eid, e.boss, up.top from e join up on e.boss = up.eid) select eid, top from up --> eid; nm
with x(p, q) as (select a, b from t where g = 'a') select p + q as s from x where q > 1 --> a b


-- class: set
select g from t where a > 3 union select n from u where m > 3 --> t.g n
select k, 'u' as src from u union all select k, 'w' from w where q > 2 --> u.k w.k; -
select k from t where k is not null except select k from w where p > 2 --> t.k
select max(v) as top, src from (select a as v, 't' as src from t union all select p, 'w' from w) as x group by src --> a p; -
select id, g from t where a > 2 intersect select eid, nm from e --> id; t.g
select k, g from t union by name select g, q from w --> t.k; t.g w.g; q


-- class: star
select * exclude (l, s), a + b as ab from t where g in ('a', 'b') --> id; t.k; t.g; a; b; day; a b
select t.*, u.m from t join u using (k) --> id; t.k; t.g; a; b; day; l; s; m
select * replace (coalesce(m, 0) as m) from u order by m, k, n limit 3 --> u.k; m; n
with x as (select * from w where p > 1) select x.* rename (q as qq) from x --> w.k; w.g; p; q


-- class: nested
select id, list_sum(l) as total, list_contains(l, 2) as has from t where len(l) > 0 --> id; l; l
select g, unnest(list(a order by id)) as x from t group by g --> t.g; a
select id, s.x as x from t where s.y > 2 --> id; s
select struct_pack(p := a, q := g).q as q, {'v': b}['v'] as v from t --> t.g; b
select t.id, y from t, unnest([t.a, t.b]) as z(y) where y is not null --> id; a b


-- class: pivot
from (select g, k, a from t where b > 1) pivot (max(a) for k in (1, 2) group by g) --> t.g; a; a
pivot (select n, k, m from u) on n in ('p', 'q') using sum(m) group by k --> u.k; m; m
with x as (select yr, feb, mar from m where jan > 1) unpivot x on feb, mar into name mth value v --> yr; -; feb mar


-- class: lateral
select t.id, z.c from t, lateral (select count(*) as c from w where w.k = t.k) as z --> id; -
select t.id, z.d, z.d * 2 as dd from t, lateral (select coalesce(t.a, 0) - coalesce(t.b, 0) as d) as z --> id; a b; a b
select u.k, x.id from u, lateral (select id from t where t.k = u.k order by a, id limit 1) as x --> u.k; id


-- class: values
select v.x, t.id from (values (1, 'one'), (2, 'two')) as v(x, y) join t on t.k = v.x --> -; id
select t.id, coalesce(v.label, 'other') as label from t left join (values ('a', 'first'), ('b', 'second')) as v(g, label) on v.g = t.g --> id; -

-- class: plain
select upper(g) as u, length(g) as n, a from t where a between 2 and 5 --> t.g; t.g; a
select id, a, b, a = b as same from t where k in (1, 2) or g = 'c' --> id; a; b; a b
select yr * 100 + jan as code, mar from m where jan > 1 and mar is not null --> yr jan; mar
select nm, coalesce(boss, 0) as b from e where sal >= 45 --> nm; boss
select id from t where b > 1 order by day desc, id limit 3 --> id
select g, a from t where s.x > 2 --> t.g; a


-- class: aggregate
select k, g, count(*) as n, sum(b) as total from t where a > 1 group by k, g --> t.k; t.g; -; b
select g, avg(a) as m, count(*) filter (where b > 3) as c from t group by g having max(a) > 3 --> t.g; a; -
select date_trunc('month', day) as mth, count(distinct k) as ks from t group by all --> day; t.k
select n, sum(m) as s from u where m < 6 group by n order by s desc limit 2 --> n; m
select max(sal) as hi, min(nm) as first_name, count(boss) as c from e --> sal; nm; boss
select k % 2 as odd, sum(p + q) as s from w group by k % 2 --> w.k; p q
select g, bool_and(b > 1) as ok, sum(a) * 1.0 / count(*) as m from t where id < 8 group by g --> t.g; b; a


-- class: window
select id, sum(a) over (partition by k) as ka, sum(a) over () as whole from t where g <> 'c' --> id; a; a
select id, day - lag(day) over (partition by g order by id) as gap from t --> id; day
select id, g, dense_rank() over (partition by g order by b desc) as r from t --> id; t.g; -
select id, a from (select id, a, row_number() over (partition by k order by b desc, id) as rn from t where g is not null) as x where x.rn = 1 --> id; a
select id, lead(a) over w as nxt, sum(b) over w as sb from t window w as (partition by g order by id) --> id; a; b
select eid, sal, sal - avg(sal) over (partition by boss) as diff from e where sal < 90 --> eid; sal; sal
select k, n, m from u qualify rank() over (partition by n order by m desc) = 1 --> u.k; n; m
select id, count(*) over (order by a range between unbounded preceding and current row) as c from t --> id; -


-- class: join
select t.id, t.a, u.m, t.a * u.m as prod from t join u on u.k = t.k where u.n = 'p' --> id; a; m; a m
select t.id, w.q from t left join w on w.k = t.k and w.q > 2 --> id; q
select t.g, count(u.m) as c from t left join u using (k) group by t.g --> t.g; m
select distinct t.g from t left join w on w.k = t.k where w.q is null --> t.g
select x.g, x.s, y.c from (select g, sum(a) as s from t group by g) as x join (select g, count(*) as c from w group by g) as y using (g) --> t.g; a; -
select a.eid, b.eid as peer from e as a join e as b on a.boss = b.boss and a.eid < b.eid --> eid; eid
select t.id, coalesce(u.n, w.g, 'none') as label from t left join u on u.k = t.k and u.m > 3 left join w on w.k = t.k --> id; n w.g
select t.id, d.lo, d.hi from t, (select min(p) as lo, max(p) as hi from w where q > 1) as d where t.a >= d.lo --> id; p; p
select m.yr, t.id from m left join t on year(t.day) = m.yr + 4 --> yr; id
select t.id, l.m from t left join (select k, max(m) as m from u where n in ('p', 'q') group by k) as l on l.k = t.k where l.m > 2 --> id; m


-- class: subquery
select id, a from t where a = (select max(a) from t as o where o.k = t.k) --> id; a
select id, (select count(*) from w where w.g = t.g and w.q > 1) as c from t --> id; -
select id, case when exists (select 1 from u where u.k = t.k) then a else b end as v from t --> id; a b
select g, sum(a) as s from t where k in (select k from u group by k having sum(m) > 3) group by g --> t.g; a
select s.g, s.tot from (select g, sum(b) as tot from t group by g) as s where s.tot > (select avg(b) from t) --> t.g; b
select nm from e where eid in (select boss from e) --> nm


-- class: cte
with src as (select id, k, trim(g) as g, a from t), dedup as (select *, row_number() over (partition by k order by a desc, id) as rn from src), final as (select id, k, g from dedup where rn = 1) select g, id from final --> t.g; id
with o as (select k, sum(m) as total from u group by k), j as (select t.id, t.g, o.total from t left join o on o.k = t.k) select g, sum(total) as total from j group by g --> t.g; m
with a as (select 1 as one), b as (select id from t where a > 2) select b.id, a.one from b, a --> id; -
with recursive chain as (select eid, sal from e where boss is null union all select e.eid, e.sal + c.sal from e join chain as c on e.boss = c.eid) select eid, sal from chain --> eid; sal
with x as (select g, a, b from t where b > 1), y as (select g, max(a) as hi from x group by g) select x.g, x.b from x join y on y.g = x.g and y.hi = x.a --> t.g; b
with recursive d(n, v) as (select 1, a from t where id = 1 union all select n + 1, v * 2 from d where n < 3) select n, v from d --> -; a


-- class: set
select id, a as v from t where g = 'a' union all select k, m from u where n = 'p' --> id u.k; a m
select g, count(*) as n from (select g from t union all select g from w) as x group by g --> t.g w.g; -
select k from u union select boss from e --> u.k boss
(select g, a from t where b > 2) except (select g, p from w) --> t.g; a
select id, k from t where a > 1 union all by name select k, q as id from w --> id q; t.k w.k
select k from t intersect select k from w where q > 1 order by k limit 2 --> t.k


-- class: star
select * exclude (id, day, l, s), a * 2 as twice from t where b is not null --> t.k; t.g; a; b; a
select u.*, t.id from u join t on t.k = u.k where t.a > 2 --> u.k; m; n; id
select sum(columns(['p', 'q'])) from w where k < 4 --> p; q
select * replace (upper(g) as g) from w where p > 1 --> w.k; w.g; p; q


-- class: nested
select id, list_aggregate(l, 'max') as top from t where s.x < 6 --> id; l
select t.id, v from t, unnest(l) as z(v) where v > 2 and t.a > 1 --> id; l
select id, {'n': g, 'v': a} as r from t where b > 1 --> id; t.g a
select g, list(b order by id)[1] as first_b from t group by g --> t.g; b
select id, [x * 2 for x in l if x > 1] as xs from t --> id; l


-- class: pivot
from (select k, n, m from u where m > 1) pivot (sum(m) as s, count(*) as c for n in ('p', 'q') group by k) --> u.k; m; -; m; -
select yr, mth, v from (select * from m where jan < 7) unpivot (v for mth in (jan, feb, mar)) --> yr; -; jan feb mar
pivot (select g, a from t where k = 1) on g in ('a', 'b') using max(a) --> a; a


-- class: lateral
select t.id, x.best from t left join lateral (select max(p) as best from w where w.k = t.k and w.q > 1) as x on true --> id; p
select t.id, x.v + 1 as v from t, lateral (select t.a * 2 as v where t.b > 1) as x --> id; a
select w.k, x.n from w, lateral (select n from u where u.k = w.k order by u.m limit 2) as x --> w.k; n

-- Odd ones, written before the walk was looked at.
-- class: plain
select greatest(a, b) - least(a, b) as d, a // 2 as h, a ^ 2 as sq from t where id % 2 = 1 --> a b; a; a
select (a, b) as pair, [g, day::varchar] as lst from t --> a b; t.g day
select id, a as "A B", b as "select" from t where "a" > 1 --> id; a; b
select eid from e order by sal, eid limit 50% --> eid
select bb: b + 1, cc: g from t where a > 2 --> b; t.g
select id, id_1 from (select id, b as id from t where a > 1) as x --> id; b
select id_1 as z from (select id, a as id, k from t) where k > 1 --> a
select "t"."id" as i, T.A as x from t where T.s.X > 2 --> id; a
select #3 + #4 as z from w where #2 <> 'd' --> p q
select day + to_days(a) as z, format('{}-{}', g, b) as y from t --> day a; t.g b
select distinct on (k) k, a, g from t order by k, b desc, id --> t.k; a; t.g

-- class: nested
select x.s.y as sy, v.s['x'] as sx from t as x join t as v on x.id = v.a --> s; s
select struct_insert(s, z := a) as s2 from t --> s a
select st.inner_.p from (select {'inner_': {'p': a + b, 'q': g}} as st from t) --> a b
select cast(s as struct(x bigint, y bigint)).x as z from t --> s
select list_reduce(l, lambda acc, x: acc + x * a) as z from t where len(l) > 0 --> l a
select list_sort(l)[1:2] as z, list_zip(l, [a, b]) as y from t --> l; l a b
select map {g: a}['a'] as z from t --> a t.g
select list_filter(list_transform([a, b, id], lambda q: q * 2), lambda q, i: i > 1) as z from t --> b id (a)
select array_agg(s.x order by s.y)[1] as z from t group by g --> s
select l[a] as z, l[1:b] as y from t --> l a; l b

-- class: lateral
select id, unnest(l) as v, unnest([a, b]) as z from t --> id; l; a b
select id, v, o from t, unnest(l) with ordinality as z(v, o) --> id; l; -
select v from (select unnest(l) as v, a from t) where v > a --> l
select unnest(range(b)) as i, id from t where b < 5 --> b; id
select count(*) as n, x from t, unnest(l) as z(x) group by x --> -; l
select t.id, z.x from t left join unnest(t.l) as z(x) on true --> id; l
select range + 1 as z from range(3) --> -
select t.range as x, u.m from range(3) t join u on u.k = t.range --> -; m
select unnest(map_keys(histogram(a))) as v from t --> a
select t.id, x.v, y.z from t, lateral (select t.a + 1 as v) as x, lateral (select x.v * t.b as z) as y --> id; a; a b
select t.id, q.n from t, lateral (select n from u where u.k = t.k union all select g from w where w.k = t.k) as q --> id; n w.g
select id, r.j from t join lateral (select a + i as j from range(2) as v(i)) as r on r.j > 3 --> id; a
select t.id, v.x from t, lateral (from (values (t.a), (t.b)) as i(x) where x > 2) as v --> id; a b

-- class: pivot
pivot t on g in ('a', 'b') using sum(a) as sa, max(b) as mb group by k --> t.k; a; b; a; b
pivot (select yr, jan, feb from m) on yr in (2020, 2022) using sum(jan + feb) --> jan feb; jan feb
select * from (select k, g, p from w) pivot (sum(p), count(p) for g in ('a', 'b') group by k) --> w.k; p; p; p; p
from w pivot (max(q) for k in (1, 2) g in ('a', 'b') group by p) --> p; q; q; q; q
with p as (pivot (select g, k, a from t) on k in (1, 2) using sum(a)) select p.*, p."1" - p."2" as d from p --> t.g; a; a; a
select x.g, x."2" from (pivot (select g, k, b from t) on k in (1, 2) using min(b)) as x join w on w.g = x.g --> t.g; b
unpivot m on (jan, feb), (mar, yr) into name n value p1, p2 --> -; jan mar; feb yr
from m unpivot (v for n in (columns('^(jan|feb)$'))) --> yr; mar; -; jan feb
select n, v from (unpivot (select yr, jan * 2 as j2, feb from m) on j2, feb into name n value v) where v > 4 --> -; jan feb
unpivot m on jan as first_m, feb as second_m into name n value v --> yr; mar; -; jan feb

-- class: recursive
with recursive r(a1, b1, n) as (select a, b, 1 from t where id = 3 union all select b1, a1, n + 1 from r where n < 3) select a1, n from r --> a b; -
with recursive r as (select eid, [nm] as path from e where boss is null union all select e.eid, list_append(path, nm) from r, e where e.boss = r.eid) select eid, path[1] as top from r --> eid; nm
with recursive r(eid, lvl) as (select eid, 0 from e where boss is null union all select e.eid, lvl + 1 from e join r on e.boss = r.eid), c as (select lvl, count(*) as n from r group by lvl) select max(n) as widest, min(lvl) as z from c --> -; -
with recursive r(x, y) using key (x) as (select id, a from t where id = 1 union select x, y + 1 from r where y < 8) select x, y from r --> id; a
with recursive a1 as (select 1 as n union all select n + 1 from a1 where n < 3), b1 as (select a1.n, m from a1 left join u on u.k = a1.n) select n, sum(m) as s from b1 group by n --> -; m

-- class: join
select * from (select id, k from t) natural left join (select k, m from u) natural join (select k, q from w) --> id; t.k; u.m; q
select k, g, a, p from t full join w using (k, g) --> t.k w.k; t.g w.g; a; p
select * exclude (day, l, s) from t left join w using (k, g) --> id; t.k; t.g; a; b; p; q
select x.*, y.n from (select k, a from t where a > 2) x positional join u y --> t.k; a; n
select t.id, w.q from t asof left join w on t.k = w.k and t.a >= w.p --> id; q
select x.k, y.q from (select k, a as p from t) x asof join w y using (k, p) --> t.k; q
select u.n, t.a from u cross join t where u.k = t.k and t.s.x = u.m --> n; a
select c.id, d.id as d from t c inner join t d using (k) where c.id < d.id --> id; id
select x.a, z.p from (t as x join u as y on x.k = y.k) left join w as z on z.k = y.k and y.m > z.q --> a; p
select t.id from t left join u using (k) where m > 3 or n is null --> id
select id, u from t join u using (k) --> id; u.k m n

-- class: star
select * exclude (t.k, l, s), u.k as uk from t join u on t.k = u.k --> id; t.g; a; b; day; u.k; m; n; u.k
select * exclude (l, s, day) replace (g || '!' as g, a * b as b) from t --> id; t.k; t.g; a; a b
select * replace (p + q as p) rename (q as qq) from w --> w.k; w.g; p q; q
select columns(* exclude (g)) + 1 from w --> w.k; p; q
select columns('^[pq]$') > 1 and columns('^[pq]$') < 5 from w --> p; q
select * not like '%a%' from m --> yr; feb
select greatest(*columns('^[pq]$')) as z, concat(*columns(['q', 'k'])) as y from w --> p q; q w.k

-- class: aggregate
select t.g || w.g as gg, sum(a) + count(p) as z from t join w using (k) group by all order by all --> t.g w.g; a p
select max(a, 2) as top2, arg_min(id, b, 1) as x from t --> a; id
select any_value(a order by id) as x, string_agg(distinct g, '|' order by g) as y from t --> a; t.g
select count(*) as n, sum(a) as s from t where b > 1 group by g having s > (select min(m) from u) order by 2 --> -; a
select g, first(a order by day, id) as f from t group by cube (g) --> t.g; a

-- class: window
select id, row_number() over w as r from t window w as (partition by g order by a desc, id) qualify r < 3 and lag(b) over w is not null --> id; -
select g, sum(a) as s from t group by g qualify sum(a) > avg(sum(a)) over () --> t.g; a
select id, sum(a) over (order by id rows between 2 preceding and current row exclude current row) as x from t --> id; a
select id, nth_value(b, 2) over (partition by g order by id) as x from t --> id; b
select id, list(a) over (partition by k order by id) as xs from t --> id; a

-- class: set
select a, b, g from t union all by name (select w.g, m as a from u join w using (k)) --> a m; b; t.g w.g
(select id from t where a > 2 except select eid from e) union all select m from u where n = 'p' --> id m
select k as z from t where a > 1 union all select m from u order by z desc limit 3 --> t.k m
with c as (select a, b from t except select p, q from w) select sum(b) as s from c --> b
select x from (values (1), (2)) as v(x) union select a from t where b > 3 --> a

-- class: subquery
select id, (select {'n': n, 'm': m} from u where u.k = t.k order by m, n limit 1).n as z from t --> id; n
select id, (select list(m order by m) from u where u.k = t.k)[1] as lo from t --> id; m
select id, a + (select w.p from w where w.k = t.k order by w.q limit 1) as z from t --> id; a p
select id, (from u select max(m) where u.k = t.k) as x from t --> id; m
select id, a = any (select p from w where w.g = t.g) as hit from t --> id; a p
select id, (select count(*) from t as o where o.a > t.a or (o.a = t.a and o.id < t.id)) + 1 as pos from t --> id; -
select (select sum(x) from (select unnest(t.l) as x)) as s from t --> l
select (select max(v) from unnest(t.l) as z(v) where v < t.a) as x, id from t --> l; id
select id, case a when (select max(a) from t) then g else (select min(n) from u) end as z from t --> id; t.g n

-- class: cte
with c as not materialized (select *, a + b as ab from t), d as (select k, sum(ab) as s from c group by k) select c.id, c.ab / d.s as share from c join d using (k) --> id; a b
with a as (select k as x from t), b as (select x as k from a) select * from b join u using (k) --> t.k; m; n
with u as (select k, n as m, m as n from u) select m, n from u --> n; u.m
with c(v) as (values (1), (2), (3)) select t.id, v * a as z from t, c where v < b --> id; a

-- class: values
select * from (values (1, 'a'), (2, 'b')) v(k, lbl) join u using (k) --> -; -; m; n
from (values (1), (2)) as v(i) select i, i * (select max(a) from t) as z --> -; a

-- Written when those were right.
-- class: plain
select id, k, id as again, b as b2, b2 + 1 as b3 from t --> id; t.k; id; b; b
select case when a is null then 'none' when a > 4 then g else day::varchar end as lab from t where id between 2 and 7 --> t.g day
select coalesce(g, 'x') || repeat('*', b) as bar, strlen(g) * k as z from t --> t.g b; t.g t.k
select greatest(day, date '2025-01-01') as d, epoch(day) as e from t where day is not null --> day; day
select * from (select id, a, a from t) where a_1 > 3 --> id; a; a
select a % 2 = 0 as even, (a, b) = (5, 2) as same from t --> a; a b
-- class: aggregate
select k, count(*) filter (where a > b) as more, max(a) filter (where g = 'a') - min(b) as d from t group by k having count(*) > 1 --> t.k; -; a b
select g, sum(a * b) / nullif(sum(b), 0) as w from t group by all order by w desc, g limit 2 --> t.g; a b
select string_agg(g, '>' order by day, id) as path, count(distinct k + b) as n from t where a is not null --> t.g; t.k b
select first(a order by id) as f, last(b order by id desc) as l2, arg_min(g, day) as m from t --> a; b; t.g
select grouping(g) as lvl, g, avg(b) as m from t group by rollup (g) having avg(b) > 2 --> -; t.g; b
select t.k, sum(u.m) filter (where u.n <> 'x') as s, list(distinct w.g order by w.g) as gs from t join u using (k) left join w using (k) group by 1 --> t.k; m; w.g
-- class: window
select id, a - first_value(a) over (partition by g order by day, id) as since from t --> id; a
select id, sum(case when b > 2 then a else 0 end) over (order by id) as run from t qualify run > 3 --> id; a
select id, k, max(b) over (partition by k order by id groups between 1 preceding and 1 following) as near from t --> id; t.k; b
select * from (select id, g, count(*) over (partition by g) as c, row_number() over (partition by g order by a desc, id) as rn from t) where rn <= 2 and c > 2 --> id; t.g; -; -
select nm, sal, sum(sal) over (partition by boss order by sal desc, eid) * 1.0 / sum(sal) over (partition by boss) as cum from e --> nm; sal; sal
select g, sum(a) as s, rank() over (order by sum(a) desc) as r from t group by g --> t.g; a; -
-- class: join
select * from u left join w using (k) where p is null or p > 1 --> u.k; m; n; w.g; p; q
select * exclude (k_1) from (select u.*, w.k, w.p from u join w on u.k = w.k) --> u.k; m; n; p
select l.id, r.id as rid, l.a - r.a as d from t as l left join t as r on r.id = l.id - 1 --> id; id; a
select t.id, x.n, y.q from t left join (select k, n from u where m > 2) as x on x.k = t.k left join (select g, max(q) as q from w group by g) as y on y.g = t.g --> id; n; q
select coalesce(x.k, y.k) as k, x.s, y.c from (select k, sum(a) as s from t group by k) x full outer join (select k, count(*) as c from w group by k) y on x.k = y.k --> t.k w.k; a; -
select t.id, w.p from t asof join w on t.k >= w.k and t.g = w.g --> id; p
select e.nm, m.nm as mgr, g.nm as grand from e join e m on e.boss = m.eid left join e g on m.boss = g.eid --> nm; nm; nm
select k, a, q from (select k, a from t) natural full join (select k, q from w) --> t.k w.k; a; q
select u.n, t.g from u right join t on u.k = t.k and t.a > 2 where t.b < 6 --> n; t.g
-- class: subquery
select id, (select avg(b) from t as o where o.g = t.g and o.id <> t.id) as others from t --> id; b
select id from t where (select count(*) from u where u.k = t.k) = (select max(c) from (select count(*) as c from u group by k)) --> id
select g, (select string_agg(n, ',' order by m, n) from u where u.k = max(t.k)) as ns from t group by g --> t.g; n
select id, a from t where a > any (select p from w where w.k = t.k) or b is null --> id; a
select x.id, x.big from (select id, a > (select avg(a) from t) as big, g from t) as x where x.g in (select g from w) --> id; a
select id, coalesce((select p from w where w.k = t.k and w.g = t.g order by q desc, p limit 1), a) as v from t --> id; p a
-- class: cte
with a as (select id, k, g, a from t), a2 as (select *, sum(a) over (partition by g) as tot from a) select id, a / tot as share from a2 where tot > 5 --> id; a
with s as (select k, sum(m) as m from u group by k union all select k, sum(p) from w group by k) select k, max(m) as m from s group by k --> u.k w.k; u.m p
with x as (select id, unnest(l) as v from t), y as (select id, max(v) as mx from x group by id) select t.id, y.mx, t.a from t left join y on y.id = t.id --> id; l; a
with c as (select day, g, a from t), d as (select date_trunc('month', day) as mth, * exclude (day) from c) select mth, sum(a) as s from d group by mth --> day; a
with u2 as (from u select k, m where n <> 'q'), t2 as (from t select id, k) select t2.id, u2.m from t2 inner join u2 on t2.k = u2.k --> id; u.m
-- class: recursive
with recursive p as (select eid, nm, nm as path, 1 as d from e where boss is null union all select e.eid, e.nm, p.path || '/' || e.nm, d + 1 from e, p where e.boss = p.eid and d < 4) select nm, path, d from p where d > 1 --> nm; nm; -
with recursive c(n, x) as (select 1, max(a) from t union all select n + 1, x - (select min(b) from t) from c where n < 3) select n, x from c --> -; a b
with recursive d as (select id, a, id as root from t where k = 1 union select t.id, t.a, d.root from d join t on t.a = d.id) select root, sum(a) as s from d group by root --> id; a
-- class: set
select g, a from t where k = 1 union all select g, p from w union all select n, m from u order by 2, 1 limit 5 --> t.g w.g n; a p u.m
select count(*) as n, v from (select a as v from t union select p from w intersect select m from u) group by v --> -; a p
select id, g from t except select eid, nm from e where sal > 40 --> id; t.g
(select a as x, b as y from t) union all by name (select q as y, p as x, g as z from w) --> a p; b q; w.g
-- class: star
select * exclude (l, s, day) replace (a * 2 as a) rename (b as bee) from t --> id; t.k; t.g; a; b
select u.* exclude (n), w.* exclude (k) rename (p as pp) from u join w on w.k = u.k --> u.k; m; w.g; p; q
select columns(* exclude (g, k)) / 2.0 from w --> p; q
select columns('^(m|n)$') as '\0_u', id from t join u using (k) --> m; n; id
select min(columns(w.*)) from u join w using (k) --> w.k; w.g; p; q
-- class: lateral
select t.id, x.tot from t, lateral (select sum(v) as tot from unnest(t.l) as q(v) where v > t.b) as x --> id; l
select id, i, l[i] as v from t, range(1, 3) as r(i) where i <= len(l) --> id; -; l
select t.id, f.nm from t left join lateral (select nm from e where e.sal > t.a * 10 order by e.sal, e.eid limit 1) as f on true --> id; nm
-- class: nested
select {'id': id, 'inner': {'g': g, 'n': a + b}}.inner.n as n, [s.x, s.y][1] as f from t --> a b; s
select v.p as p, v.q[1] as q from (select {'p': g, 'q': [a, b]} as v from t) where v.p <> 'c' --> t.g; a (b)
select list_transform(range(b), lambda i: i * a) as z from t where b < 5 --> a b
select id, list_sort(list_distinct(l || [a])) as z, list_position(l, b) as p from t --> id; l a; l b
select g, map_from_entries(list((id, a) order by id)) as mp from t group by g --> t.g; id a
-- class: pivot
pivot (select g, k, a, b from t) on k in (1, 2) using sum(a) as s, count(b) as c group by g --> t.g; a; b; a; b
select g, coalesce("1", 0) - coalesce("2", 0) as d from (select g, k, sum(a) as a from t group by g, k) pivot (max(a) for k in (1, 2)) --> t.g; a
select yr, n, v, lag(v) over (partition by yr order by n, v) as pv from (unpivot m on jan, feb, mar into name n value v) --> yr; -; jan feb mar; jan feb mar
-- class: values
select v.a + t.a as s, v.b from t, (values (1, 'x'), (2, 'y')) as v(a, b) where v.a < t.b --> t.a; -
with m2(k, lbl) as (values (1, 'one'), (2, 'two'), (3, 'three')) select t.id, lbl || g as x from t join m2 on m2.k = t.k --> id; t.g
-- class: method
select g.upper() as u, t.g.length() as n, (a + b).abs() as x, l.list_sum() as z, a::varchar.length() as c from t --> t.g; t.g; a b; l; a
select id from t where g.upper() = 'A' --> id
select g.lower() as c, a.sum() as s from t group by all --> t.g; a
select g.replace('a', n) as r from t join u on t.k = u.k --> t.g n
select max(a).round(1) as m, g.max() as x from t --> a; t.g
select s.x.abs() as v, [a, b].list_max() as w, l.list_transform(lambda e: e.abs()) as q from t --> s; a b; l
-- class: limit
select id from t order by id limit (select min(m) from u) --> id
select a from t order by a, id offset (select count(*) from u where m > 4) --> a
-- class: regrouped
with i as (select g, k, sum(a) as s from t group by g, k) select g, sum(s) as s, count(*) as n from i group by g --> t.g; a; -
with i as (select g, k, max(a) as m from t group by g, k) select m, count(*) as n from i group by m --> a; -
with i as (select g as h, k, min(a) as m from t group by all), j as (select h as q, m from i) select q, max(m) as m from j group by 1 --> t.g; a
with i as (select g, k, max(a) as m from t group by g, k), j as (select g from i where m > 3) select g from j group by all --> t.g
with i as (select g, k, max(a) as m from t group by g, k) select g from i group by g having count(*) > 1 --> t.g

-- Written not looking at the walk, when those were right.
-- class: plain
select id, case when b is null then 0 when b > 3 then a else id end as v, g is not distinct from 'a' as isa from t where k between 1 and 3 --> id; a id; t.g
select concat_ws('-', g, k, day) as key, hash(a) is not null as h from t where a <= 5 and (b >= 2 or g = 'c') --> t.g t.k day; a
select a, b from t where a + b > 6 order by a desc, b limit 3 --> a; b
select yr, greatest(jan, feb, mar) as peak, case when feb > jan then 'up' else 'down' end as trend from m where jan + coalesce(feb, 0) > 4 --> yr; jan feb mar; -
select distinct upper(g) as gg, k > 1 as later from t where length(g) = 1 and day < date '2026-01-01' --> t.g; t.k
select nm || ' (' || sal || ')' as line, boss is null as root from e where sal % 2 = 0 or nm in ('c', 'e') order by nm --> nm sal; boss
select id, day, datediff('month', date '2024-01-01', day) as months from t where year(day) in (2024, 2025) order by months, id limit 4 --> id; day; day
select * from w where (p, q) in ((2, 1), (3, 2), (4, 4)) --> w.k; w.g; p; q
-- class: aggregate
select g, count(*) as n, count(a) as na, sum(a) filter (where day >= '2025-01-01') as recent from t group by g having count(b) >= 2 --> t.g; -; a; a
select k, sum(a) as s from t where g <> 'c' group by k having sum(a) > (select avg(p) from w) --> t.k; a
select k, g, grouping_id(k, g) as lvl, max(b) as mb from t where a is not null group by grouping sets ((k, g), (k), ()) having max(b) > 2 --> t.k; t.g; -; b
select g, k, count(*) as n from t group by cube (g, k) having grouping(g) = 0 --> t.g; t.k; -
select coalesce(g, 'all') as g, sum(a) as s from t group by rollup (g) order by s desc nulls last, g limit 3 --> t.g; a
select case when a > 3 then 'hi' else 'lo' end as band, count(distinct g) as gs, avg(b) as mb from t group by band --> -; t.g; b
select max(m) - min(m) as r, count(distinct n) filter (where m > 2) as ns, stddev_pop(m) as sd from u where k in (select k from w) --> u.m; u.n; u.m
select boss, list(nm order by sal desc, nm) as team, sum(sal) filter (where nm > 'b') / count(*) as x from e group by boss having max(sal) < 80 --> boss; nm; sal
select sum(a * k) / sum(k) as wavg, count_if(b > a) as more from t where g = 'a' or g = 'b' --> a t.k; b a
select year(day) as y, month(day) as mo, sum(a) as s, count(*) filter (where g = 'a') as na from t group by all having y > 2023 --> day; day; a; -
select g, max(a) as hi from t group by g order by count(*) desc, max(b), g limit 1 --> t.g; a
-- class: window
select id, sum(a) over (partition by g order by day, id rows between unbounded preceding and 1 preceding) as before, b from t where b > 1 --> id; a; b
select id, a, avg(a) over (partition by k) as m, a > avg(a) over (partition by k) as above from t qualify count(*) over (partition by k) > 1 --> id; a; a; a
select g, a, b from t qualify row_number() over (partition by g order by a desc nulls last, b, id) <= 2 --> t.g; a; b
select nm, sal, lag(nm) over (order by sal, eid) as below, sal - lag(sal) over (order by sal, eid) as step from e where boss is not null --> nm; sal; nm; sal
select id, count(b) over (partition by g order by id rows between 1 preceding and 1 following) as c, first_value(k) over (partition by g order by id) as fk from t --> id; b; t.k
select k, sum(m) as s, sum(sum(m)) over (order by k rows unbounded preceding) as run, rank() over (order by sum(m) desc) as r from u group by k --> u.k; u.m; u.m; -
select id, last_value(a ignore nulls) over (partition by g order by id rows between unbounded preceding and current row) as filled from t --> id; a
select k, p, q, p - max(p) over (partition by g) as gap from w qualify dense_rank() over (partition by k order by q desc) = 1 and p > 1 --> w.k; p; q; p
select id, sum(case when day > '2025-01-01' then 1 else 0 end) over (partition by g order by id) as newer from t --> id; -
select distinct g, sum(a) over (partition by g) as s, count(*) over () as n from t --> t.g; a; -
select id, sum(b) over (order by a range between 2 preceding and current row) as near from t where a is not null --> id; b
-- class: join
select t.id, u.m, w.q from t join u on u.k = t.k join w on w.k = u.k and w.g = t.g where u.m > w.p --> id; u.m; q
select t.id, u.n from t left join u on u.k = t.k and u.n = t.g --> id; u.n
select t.id, count(w.k) as c, sum(coalesce(w.p, 0)) as s from t left join w on w.k = t.k and w.p > t.b group by t.id --> id; w.k; p
select t.g, w.g as wg, t.a from t full join w on t.k = w.k and t.a > w.q where t.id is null or t.b > 3 --> t.g; w.g; a
select x.nm, y.nm as peer from e as x join e as y on y.boss = x.boss and y.eid <> x.eid where x.sal > y.sal --> nm; nm
select u.k, t.id from u right join t using (k) where u.m is null or u.m < t.a --> u.k; id
select id, n, p from t join u using (k) join w using (k, g) --> id; n; p
select g, count(*) as n, max(q) as q from t natural join w group by g --> t.g; -; q
select t.id, r.p from t asof join w as r on t.g = r.g and t.a >= r.q --> id; p
select t.id, t.day, r.m from t asof left join u as r on t.k = r.k and t.b > r.m --> id; day; u.m
select id, a from t semi join w on w.g = t.g and w.q < t.a --> id; a
select k, m from u anti join (select k from t where a > 3) as x using (k) --> u.k; u.m
select t.id, coalesce(d.s, 0) as s, t.a * 1.0 / nullif(d.s, 0) as share from t left join (select g, sum(p) as s from w where q < 5 group by g) as d on d.g = t.g --> id; p; a p
select t.id, v.n from t left join (select distinct k, n from u where m > 1) as v on v.k = t.k --> id; n
select a.id, b.id as nxt, b.day - a.day as days from t as a left join t as b on b.id = a.id + 1 and b.g = a.g --> id; id; day
select w.k, w.p, x.hi from w join (select k, max(m) as hi from u group by k having count(*) > 1) as x on x.k = w.k and x.hi > w.p --> w.k; p; u.m
select m.yr, sum(t.a) as s, any_value(m.jan) as j from m join t on year(t.day) = m.yr + 4 group by m.yr --> yr; a; jan
select t.id, l.n from t cross join lateral (select n from u where u.m > t.b order by u.m, u.n limit 1) as l where l.n <> 'x' --> id; u.n
-- class: subquery
select id, a from t where b > (select min(m) from u where u.k = t.k) and g in (select g from w where q >= t.k) --> id; a
select id, (select count(distinct n) from u where u.k = t.k and u.m >= t.b) as c from t --> id; n
select g from t group by g having sum(a) > all (select sum(p) from w group by g) --> t.g
select id, g in (select g from w where w.k = t.k) as there, not exists (select 1 from u where u.m = t.a) as free from t --> id; t.g w.g; -
select nm, (select nm from e as b where b.eid = e.boss) as above, (select count(*) from e as s where s.boss = e.eid) as below from e --> nm; nm; -
select id from t where exists (select 1 from u join w on w.k = u.k where u.k = t.k and w.p > t.b) --> id
select id, case when a > (select avg(a) from t as o where o.g = t.g) then (select max(p) from w where w.g = t.g) else 0 end as v from t --> id; p
select k, m from u where m = (select max(m) from u as o where o.n = u.n) order by k nulls first, m limit 3 --> u.k; u.m
select x.g, x.n from (select g, count(*) as n from t where a > 1 group by g) as x where x.n >= (select count(*) from w where w.g = x.g) --> t.g; -
select id from t where (select sum(p) from w where w.g = t.g) between a and a + b --> id
select id, a from t where k is not null and not (k = any (select k from u where n = 'p')) --> id; a
-- class: cte
with o as (select k, count(*) as n, sum(m) as s from u group by k), c as (select id, g, k from t where a > 1) select c.g, sum(o.s) as s, max(o.n) as n from c left join o using (k) group by c.g --> t.g; u.m; -
with d as (select *, row_number() over (partition by g order by b desc, id) as rn from t where k is not null), f as (select * exclude (rn, l, s, day) from d where rn = 1) select f.g, f.a, w.p from f left join w on w.g = f.g and w.k = f.k --> t.g; a; p
with a as (select g, sum(a) as s from t group by g), b as (select g, s, s / sum(s) over () as part from a) select g, part from b where part > 0.2 --> t.g; a
with c as (select k from t intersect select k from u), d as (select k from c where k > 1) select w.g, w.q from w where w.k in (select k from d) --> w.g; q
with b as (select id, k, a, lag(a) over (partition by k order by id) as pa from t), c as (select *, a > pa as rise from b) select k, count_if(rise) as ups from c group by k --> t.k; a
with x(k, v) as (select k, m from u union all select k, p from w), y as (select k, avg(v) as av from x group by k) select x.k, x.v - y.av as dev from x join y using (k) where x.v > y.av --> u.k w.k; u.m p
-- class: recursive
with recursive r as (select eid, boss, sal as tot, 0 as d from e where boss is null union all select c.eid, c.boss, r.tot + c.sal, r.d + 1 from r join e as c on c.boss = r.eid where c.sal > 30) select d, max(tot) as mx from r group by d --> -; sal
with recursive f(n, x, y) as (select 1, min(a), max(b) from t union all select n + 1, y, x + y from f where n < 5) select n, x from f --> -; a b
with recursive up as (select eid as start, boss from e where sal < 50 union all select up.start, e.boss from up join e on e.eid = up.boss) select start, count(boss) as depth from up group by start --> eid; boss
-- class: set
select g, 't' as src from t where a > 3 union all select g, 'w' from w where p < 4 --> t.g w.g; -
select k, g from w except select k, g from t where b > 2 --> w.k; w.g
select k, count(*) as n from (select k from t union all select k from u union all select k from w) as x group by k having count(*) > 3 --> t.k u.k w.k; -
select id as x, a from t union all by name select m as a, k as y from u where n <> 'p' --> id; a u.m; u.k
(select a as v, g from t where b is not null intersect all select p, g from w) order by v limit 2 --> a; t.g
-- class: star
select * exclude (day, l, s) replace (coalesce(b, k) as b) from t where a in (1, 3, 5) --> id; t.k; t.g; a; b t.k
select t.* exclude (l, s, day, k), w.* exclude (g) from t left join w on w.g = t.g and w.p >= t.b --> id; t.g; a; b; w.k; p; q
select g, sum(columns('^[ab]$')) as 'sum_\0' from t group by g --> t.g; a; b
-- class: nested
select id, list_max(list_filter(l, lambda x: x < b + 5)) as mx, s.x * a as sx from t where s.y between 2 and 6 --> id; l b; s a
select g, list({'i': id, 'v': a} order by b, id) as recs from t where b is not null group by g --> t.g; id a
select x.g, x.r.mx - x.r.mn as spread from (select g, {'mx': max(a), 'mn': min(a), 'c': count(*)} as r from t group by g) as x where x.r.c > 1 --> t.g; a
select id, unnest(list_zip(l, list_transform(l, lambda v: v * k))) as z from t --> id; l t.k
select t.id, e.v from t, unnest(list_concat(t.l, [t.a])) as e(v) where e.v > t.b --> id; l a
-- class: pivot
select * from (select k, n, m from u where k is not null) pivot (max(m) as hi, count(*) as c for n in ('p', 'q', 'x') group by k) --> u.k; u.m; -; u.m; -; u.m; -
with p as (pivot (select g, year(day) as y, a from t) on y in (2024, 2025) using sum(a) group by g) select g, coalesce("2025", 0) - coalesce("2024", 0) as diff from p where "2024" is not null --> t.g; a
select yr, arg_max(mon, v) as best, max(v) as top from (unpivot m on jan, feb, mar into name mon value v) group by yr --> yr; -; jan feb mar
select n.mon, n.v, t.id from (unpivot (select jan, feb from m) on jan, feb into name mon value v) as n join t on t.a = n.v --> -; jan feb; id
-- class: lateral
select t.id, x.c, x.s from t left join lateral (select count(*) as c, sum(q) as s from w where w.k <= t.k and w.p <> t.b) as x on x.c > 1 --> id; -; q
select u.n, z.v from u, lateral (select max(a) filter (where t.b > u.m) as v from t where t.k = u.k) as z where z.v is not null --> u.n; a
select t.id, i.n, t.a * i.n as z from t, generate_series(1, t.b) as i(n) where i.n % 2 = 1 --> id; b; a b
-- class: limit
select g, s from (select g, sum(a) as s from t group by g order by s desc nulls last, g limit 2) as x order by g --> t.g; a
select id, a from t where id not in (select id from t order by a nulls first, id limit 3) --> id; a
select distinct on (g) g, id, a from t where b > 1 order by g, a desc, id --> t.g; id; a
-- class: values
select v.lbl, count(t.id) as n, sum(t.a) as s from (values ('a', 'one'), ('b', 'two'), ('z', 'none')) as v(g, lbl) left join t on t.g = v.g group by v.lbl --> -; id; a
select t.id, case when v.lo <= t.a and t.a < v.hi then v.nm2 end as b2 from t join (values (0, 3, 'low'), (3, 9, 'high')) as v(lo, hi, nm2) on t.a >= v.lo and t.a < v.hi --> id; -

-- Written after the walk was mended for those.
-- class: plain
select id, if(day is null, 'open', strftime(day, '%m')) as mo, a % 3 in (0, 1) as low from t where b <> 3 or s.x > 4 --> id; day; a
select trim(nm) || lpad(eid::varchar, 3, '0') as code, sal / 10 as tens from e where nm not like 'd%' and coalesce(boss, 1) < 3 --> nm eid; sal
select yr, case yr when 2020 then jan when 2021 then coalesce(feb, 0) end as pick from m where mar > 2 or mar is null --> yr; jan feb
select id, a, row(b, g) as pair from t where (a, b) > (2, 1) order by a, id limit 4 --> id; a; b t.g
select distinct n, m > 2 as many from u where k between 1 and 3 --> n; m
select * exclude (l, s), day - date '2024-01-01' as age from t where a is distinct from b --> id; t.k; t.g; a; b; day; day
-- class: aggregate
select day < '2025-01-01' as old, g, sum(b) as s from t group by 1, 2 having count(*) > 1 or min(a) < 2 --> day; t.g; b
select k, first(g order by a desc, id) as top, last(day order by id) as latest from t where g is not null group by k --> t.k; t.g; day
select g, sum(a) filter (where k = 1) as s1, sum(a) filter (where k = 2) as s2, sum(a) - sum(a) filter (where k in (1, 2)) as rest from t group by g --> t.g; a; a; a
select n, max(k) filter (where m > 1) as mk, string_agg(distinct m::varchar, ';' order by m::varchar) as ms from u group by n having bool_or(m > 3) --> n; u.k; m
select g, k, sum(p) as s from w group by grouping sets ((g), (k)) having sum(p) > 3 --> w.g; w.k; p
select regr_slope(a, b) as r, covar_pop(a, k) as c, entropy(g) as en from t where id > 1 --> a b; a t.k; t.g
select x.y, avg(x.c) as ac from (select year(day) as y, g, count(*) as c from t group by all) as x group by x.y --> day; -
select g, max(a) - lag(max(a)) over (order by g) as step from t where b is not null group by g --> t.g; a
-- class: window
select id, sum(a) over w1 as s, avg(b) over w2 as m from t window w1 as (partition by g), w2 as (partition by k order by id) --> id; a; b
select id, g from t where b > 1 qualify sum(a) over (partition by g) > 6 --> id; t.g
select nm, nth_value(nm, 2) over (partition by boss order by sal desc, eid rows between unbounded preceding and unbounded following) as second from e --> nm; nm
select id, coalesce(a, max(a) over (partition by g order by id rows between unbounded preceding and 1 preceding)) as filled from t --> id; a
select k, m, m > avg(m) over () as above, row_number() over (partition by n order by m, k) as r from u --> u.k; m; m; -
select id, r from (select id, g, rank() over (partition by g order by b desc) as r from t where a > 1) as x where r <= 2 --> id; -
select id, max(day) over (order by id rows between 1 following and 2 following) as later, count(*) filter (where g = 'a') over (order by id) as na from t --> id; day; -
select yr, jan, sum(jan) over (partition by yr) as tot, jan * 100 / sum(jan) over (partition by yr) as pct from m --> yr; jan; jan; jan
select g, lo, hi from (select g, first_value(id) over v as lo, last_value(id) over v as hi, row_number() over v as rn from t window v as (partition by g order by a nulls last, id rows between unbounded preceding and unbounded following)) as z where rn = 1 --> t.g; id; id
-- class: join
select t.id, u.m from t join u on u.k = t.k or (u.n = t.g and u.m < t.b) --> id; m
select t.g, count(distinct u.n) as c from t left join u on u.k = t.k and u.m <> t.a where t.b > 1 group by t.g --> t.g; n
select coalesce(t.g, w.g) as g, sum(t.a) as a, sum(w.p) as p from t full join w on t.g = w.g group by 1 having count(*) > 1 --> t.g w.g; a; p
select a.nm, count(b.eid) as juniors from e as a left join e as b on b.sal < a.sal and b.boss = a.eid group by a.nm --> nm; eid
select id, n, q from t left join u using (k) left join w using (g) where coalesce(m, 0) < 5 --> id; n; q
select u.n, w.g from u join w on u.k = w.k and u.m between w.p and w.q --> n; w.g
select t.id, x.lbl from t join (values (1, 'one'), (2, 'two')) as x(k, lbl) using (k) where t.a > 2 --> id; -
select t.id from t left join w on w.k = t.k and w.g = t.g where w.k is null and t.b < 6 --> id
select t.id, x.m from t right join (select k, max(m) as m from u group by k) as x on x.k = t.k where x.m > 2 --> id; m
select v.id, v.tot, w.q from (select id, k, a + b as tot from t where day > '2024-01-31') as v join w on w.k = v.k where v.tot > w.p --> id; a b; q
select t.id, w.p from t asof join w on t.k = w.k and t.b <= w.q --> id; p
select * from (select g, max(a) as a from t group by g) natural left join (select g, sum(q) as q from w group by g) --> t.g; a; q
select c.id, p.id as prev, c.a - p.a as d from t as c left join t as p on p.g = c.g and p.id = (select max(id) from t as x where x.g = c.g and x.id < c.id) --> id; id; a
select t.id, y.p from t semi join u on u.k = t.k left join (select distinct on (k) k, p from w order by k, p desc) as y on y.k = t.k --> id; p
-- class: subquery
select id, (select sum(m) from u where u.k = t.k) > a as over from t where g <> 'b' --> id; a m
select g, n from (select g, (select count(*) from w where w.g = t.g and w.q > t.b) as n from t where a is not null) as x where n > 0 --> t.g; -
select id, a from t where exists (select 1 from w where w.g = t.g group by w.g having count(*) > 1) --> id; a
select k, m from u where (n, m) in (select g, a from t where b > 1) or k = 5 --> u.k; m
select id, (select g from w where w.k = t.k order by p desc, q limit 1) as wg, (select min(sal) from e where e.eid = t.id) as sal from t --> id; w.g; sal
select nm from e where sal < all (select sal from e as o where o.boss = 1) or eid in (select k from u) --> nm
select id, case when k in (select k from w where q > 2) then 'w' when exists (select 1 from u where u.m = t.a) then 'u' else g end as src from t --> id; t.g
select max(x) as mx from (select (select count(*) from u where u.k = t.k) as x from t where a > 1) as y --> -
-- class: cte
with m1 as (select g, avg(a) as av from t group by g), m2 as (select t.id, t.a - m1.av as dev, t.g from t join m1 using (g)) select g, max(dev) as mx, count(*) filter (where dev > 0) as up from m2 group by g --> t.g; a; -
with s as (select k, n, sum(m) as m from u group by k, n), r as (select *, rank() over (partition by k order by m desc) as rk from s) select t.id, r.n from t left join r on r.k = t.k and r.rk = 1 --> id; n
with x as (select id, g, a from t where a > 1), y as (select g, count(*) as c from x group by g having count(*) > 1), z as (select x.id, x.a, y.c from x left join y using (g)) select id, coalesce(c, 0) as c from z where a < 7 --> id; -
with p as (select g, day, a from t), q as (select g, date_trunc('year', day) as yr2, sum(a) as s from p group by all) select g, yr2, s - lag(s) over (partition by g order by yr2) as growth from q --> t.g; day; a
with big as (select k from w group by k having sum(p) > 3) select u.n, u.m from u where u.k in (from big) union all select 'none', count(*) from big --> n; m
-- class: recursive
with recursive tree as (select eid, nm, sal, eid as root from e where boss is null union all select e.eid, e.nm, e.sal, tree.root from e join tree on e.boss = tree.eid) select root, sum(sal) as total, max(nm) as lastnm from tree group by root --> eid; sal; nm
with recursive d(day, id) as (select min(day), min(id) from t union all select day + 1, id + 1 from d where id < 4) select id, day from d --> id; day
with recursive c(eid, bonus) as (select eid, sal * 0.1 from e where boss is null union all select e.eid, case when e.sal > 45 then c.bonus / 2 else 0 end from e, c where e.boss = c.eid) select eid, bonus from c --> eid; sal
-- class: set
select g, sum(v) as s from (select g, a as v from t where k = 1 union all select g, -p from w where q > 1) as x group by g having sum(v) <> 0 --> t.g w.g; a p
(select k from u except select k from w) union select k from t where a > 4 --> u.k t.k
select id, a from t where b > 2 intersect select m, m + 2 from u --> id; a
select k, g as lbl from w union all by name select n as lbl, m from u where m > 1 --> w.k; w.g n; m
-- class: star
select columns(lambda c: c like '%a%') from (select a, day, b from t where k = 1) --> a; day
select * replace (upper(g) as g, p * 2 as p), row_number() over (order by q, p) as r from w --> w.k; w.g; p; q; -
-- class: nested
select id, unnest([x * b for x in l if x > a]) as v from t --> id; l b
select id, list_aggregate(list_filter(l, lambda x: x % 2 = 0), 'sum') as evens, l[-1] as lastl from t where len(l) > 1 --> id; l; l
select k, list(struct_pack(n := n, m := m) order by m, n)[1].n as first_n from u where k is not null group by k --> u.k; n (m)
select t.id, z.v, z.o from t, unnest(t.l) with ordinality as z(v, o) where z.v > t.b --> id; l; -
select id, s.x + s.y as xy from t where struct_extract(s, 'x') in (select m from u) --> id; s
-- class: pivot
with y as (select g, k, sum(a) as a from t group by g, k) select * from y pivot (max(a) for k in (1, 2, 3) group by g) --> t.g; a; a; a
select yr, sum(v) filter (where mo = 'jan') as j, max(v) as mx from (unpivot m on jan, mar into name mo value v) group by yr --> yr; jan (mar); jan mar
select k, p_s, q_s from (pivot (select k, n, m from u) on n in ('p', 'q') using sum(m) as s group by k) where coalesce(p_s, 0) >= 0 --> u.k; m; m
-- class: lateral
select t.id, x.n, y.c from t, lateral (select n, m from u where u.k = t.k order by m desc, n limit 1) as x, lateral (select count(*) as c from w where w.p > x.m) as y --> id; n; -
select e.nm, x.pct from e, lateral (select round(100.0 * e.sal / sum(o.sal), 1) as pct from e as o where o.boss = e.boss) as x where x.pct < 60 --> nm; sal
select t.id, i from t join lateral (select unnest(range(t.a)) as i) as r on r.i % 2 = 0 --> id; a
-- class: limit
select k, sum(p) as s from w group by k order by s desc, k limit 2 offset 1 --> w.k; p
select nm, sal from (select nm, sal, boss from e order by sal desc, eid limit 4) where boss is not null --> nm; sal
select distinct on (n) n, m from u where k is not null order by n, m desc, k --> n; m

-- Written after it was mended for those too.
-- class: plain
select id, coalesce(day, date '2020-01-01') as d, g in ('a', 'c') and a > 1 as sel from t where not (b < 3 and k = 1) --> id; day; t.g a
select n || coalesce(m, 0) as tag, m between 2 and 4 as mid from u where n is not null and (k < 3 or m > 4) --> n m; m
select yr, round((jan + mar) / 2.0, 2) as av from m where jan < feb order by yr desc, jan limit 2 --> yr; jan mar
select eid, case when boss is null then 'chief' when sal >= 60 then 'lead' else nm end as role from e where eid <> 4 --> eid; nm
select distinct a > b as gt, k from t where day is not null --> a b; t.k
select id, s.y - s.x as d, l[2] as second from t where s.x in (1, 3, 6) and l is not null --> id; s; l
-- class: aggregate
select k, min(day) as first_day, max(day) - min(day) as span, count(*) filter (where a > b) as c from t group by k having max(a) >= 4 --> t.k; day; day; -
select g, sum(p) as s, sum(p) * 1.0 / count(distinct k) as per from w where q <> 4 group by g order by s desc, g limit 3 --> w.g; p; p w.k
select coalesce(n, '?') as n, max(m) as top, arg_max(k, m) as topk from u group by all having count(*) < 3 --> n; m; u.k
select g = 'a' as is_a, count(*) as c, sum(case when b is null then a else b end) as s from t group by 1 --> t.g; -; a b
select g, k, sum(a) as s from t where b > 1 group by rollup (g, k) having sum(a) is not null --> t.g; t.k; a
select boss, avg(sal) as av, max(nm) filter (where sal > 45) as best from e where boss is not null group by boss --> boss; sal; nm
select sum(x) as s, max(c) as c from (select g, sum(a) as x, count(*) as c from t where k is not null group by g having count(*) > 1) --> a; -
-- class: window
select id, rank() over (partition by g order by a desc, b) as r, count(*) over (partition by g, k) as c from t --> id; -; -
select id, a from t where g is not null qualify a = max(a) over (partition by g) --> id; a
select nm, sal, sal - first_value(sal) over (order by sal, eid) as over_min from e where boss in (1, 2) --> nm; sal; sal
select id, g, lag(a, 1, 0) over w + lead(b) over w as ab from t window w as (partition by g order by id) --> id; t.g; a b
select k, n, sum(m) over (partition by k order by m, n rows between 1 preceding and current row) as two from u --> u.k; n; m
select id, v from (select id, avg(a) over (partition by k) as v, b from t) as x where v > b --> id; a
select distinct k, max(m) over (partition by k) as mx from u --> u.k; m
select g, total from (select g, k, sum(p) over v as total, row_number() over v as rn from w window v as (partition by g order by p desc, q rows between unbounded preceding and unbounded following)) as z where rn = 1 and g <> 'd' --> w.g; p
-- class: join
select t.id, u.n, w.p from t join u on t.k = u.k left join w on w.k = t.k and w.p > u.m --> id; n; p
select t.id, coalesce(x.c, 0) as c from t left join (select g, count(*) as c from w where p > 1 group by g) as x on x.g = t.g where t.a > 1 --> id; -
select a.id, b.id as twin from t as a join t as b on a.a = b.a and a.id <> b.id --> id; id
select e.nm, count(s.eid) as n, max(s.sal) as top from e left join e as s on s.boss = e.eid group by e.nm having count(s.eid) > 0 --> nm; eid; sal
select t.g, u.n, sum(t.a) as s from t left join u using (k) group by t.g, u.n --> t.g; n; a
select distinct t.g from t left join w on w.k = t.k and w.q > t.b --> t.g
select u.k, u.n from u full join t on t.k = u.k and t.a > 3 where u.k is not null --> u.k; n
select w.k, w.g, t.id from w right join t on w.g = t.g and w.p < t.b --> w.k; w.g; id
select t.id, r.q from t asof join w as r on t.g = r.g and t.b > r.p --> id; q
select m.yr, t.id, t.a from m join t on year(t.day) - 4 = m.yr and t.a > m.jan --> yr; id; a
select id, g from t anti join (select k from u where m > 2) as x on x.k = t.k --> id; t.g
select x.id, x.lab, coalesce(y.n, 'none') as n from (select id, k, g || '!' as lab from t where a > 1) as x left join (select distinct on (k) k, n from u order by k, m desc, n) as y using (k) --> id; t.g; n
-- class: subquery
select id, a from t where a > (select avg(p) from w where w.g = t.g and w.q < 5) --> id; a
select id, (select max(m) from u where u.k = t.k and u.n <> 'x') as mx, a - (select min(p) from w) as d from t --> id; m; a p
select nm from e where not exists (select 1 from e as s where s.boss = e.eid and s.sal > 40) --> nm
select g, avg(a) as av from t where k in (select k from w group by k having max(p) > 2) group by g --> t.g; a
select id from t where b = (select count(*) from u where u.k = t.k) --> id
select id, exists (from w where w.k = t.k and w.p >= t.a) as hit, k in (select m from u) as inm from t where a is not null --> id; -; t.k m
select (select count(*) from t where a > 2) as c, (select max(m) from u where k = 1) as x --> -; m
select k, sum(m) as s from u group by k having sum(m) > (select max(p) from w where w.k = u.k) --> u.k; m
-- class: cte
with a as (select k, sum(a) as s from t where b > 1 group by k), b as (select k, max(m) as m from u group by k), c as (select a.k, s, m from a left join b using (k)) select k, s - coalesce(m, 0) as net from c where s > 2 --> t.k; a m
with j as (select t.id, t.g, u.n, u.m from t left join u on u.k = t.k), f as (select * from j where m is null or m > 1) select g, count(*) as c, max(n) as n from f group by g --> t.g; -; n
with j as (select t.id, t.g, w.p from t left join w on w.g = t.g) select g, max(p) as p from j group by g --> t.g; p
with s as (select id, g, a, row_number() over (partition by g order by day desc, id) as rn from t) select s.g, s.a, count(w.k) as c from s left join w on w.g = s.g where s.rn = 1 group by s.g, s.a --> t.g; a; w.k
with d as (select year(day) as y, sum(a) as s from t group by 1), p as (select y, s, lag(s) over (order by y) as ps from d) select y, s - ps as delta from p where ps is not null --> day; a
-- class: recursive
with recursive r as (select eid, boss, nm, 1 as lvl from e where boss is null union all select e.eid, e.boss, e.nm, lvl + 1 from e join r on r.eid = e.boss where lvl < 3) select nm, lvl from r where lvl > 1 --> nm; -
with recursive s(n, v) as (select 1, sum(b) from t union all select n + 1, v - 2 from s where v > 4) select max(n) as steps, min(v) as rest from s --> -; b
-- class: set
select g, k from t where a > 2 union select n, k from u where m > 2 --> t.g n; t.k u.k
select v, count(*) as c from (select a as v from t union all select b from t) as x where v > 1 group by v --> a b; -
select k from w where p > 1 except select k from t where g = 'a' --> w.k
select id, g, a from t where k = 1 union all by name select eid as id, sal as a, nm as label from e where sal < 50 --> id eid; t.g; a sal; nm
-- class: nested
select g, list_sort(list(distinct b)) as bs, len(list(a) filter (where a > 2)) as c from t group by g --> t.g; b; a
select id, unnest(list_filter(l, lambda x: x > b)) as v from t where k is not null --> id; l b
select x.id, x.st.p * 2 as p2 from (select id, {'p': a, 'q': s.x} as st from t) as x where x.st.q > 1 --> id; a
select t.id, z.v, z.v > t.a as big from t, unnest(t.l) as z(v) where z.v <> t.k --> id; l; l a
-- class: pivot
select g, "1", "2" from (pivot (select g, k, sum(p) as p from w group by g, k) on k in (1, 2) using max(p) group by g) --> w.g; p; p
pivot (select boss, nm, sal from e where sal < 80) on nm in ('b', 'd') using sum(sal) as s group by boss --> boss; sal; sal
select mo, count(*) as c, sum(v) as s from (unpivot m on jan, feb, mar into name mo value v) group by mo having sum(v) > 8 --> -; -; jan feb mar
-- class: lateral
select t.id, x.m, x.m - t.a as d from t, lateral (select max(m) as m from u where u.k = t.k or u.n = t.g) as x where x.m is not null --> id; m; m a
select w.g, y.id from w, lateral (select id from t where t.g = w.g and t.a >= w.p order by t.a, t.id limit 1) as y --> w.g; id
select t.id, x.s from t left join lateral (select sum(p) as s from w where w.k = t.k group by w.k having count(*) > 1) as x on true --> id; p
-- class: limit
select id, b from t where a is not null order by b desc nulls last, id limit 3 offset 1 --> id; b
select g, max(b) as b from (select g, b from t order by a, id limit 5) group by g --> t.g; b
select distinct on (k) k, q from w where g <> 'c' order by k, p desc, q --> w.k; q
-- class: star
select t.* exclude (l, s, day), u.m as um from t left join u using (k) where b > 1 --> id; t.k; t.g; a; b; m
select max(columns('^(p|q)$')) as 'max_\0', g from w group by g --> p; q; w.g

-- What a search in further worlds showed.
-- class: nested
select id, unnest([x * 2 for x in l if x > b]) as v from t --> id; l
select id, v from t, unnest([x * k for x in l]) as z(v) --> id; l t.k
select id, unnest(list_transform(list_sort(l), lambda v: v * k)) as v from t --> id; l t.k
select g, unnest(list(a order by id)) as x from t where b > 1 group by g --> t.g; a
-- class: regrouped
with j as (select t.id, t.g, u.m from t left join u on u.k = t.k) select g, max(m) as m, count(*) as n from j group by g --> t.g; m; -
with j as (select t.id, t.g, u.m from t left join u on u.k = t.k), i as (select id, g, m from j where id > 2) select distinct g from i --> t.g
with j as (select t.id, t.g, u.m from t left join u on u.k = t.k) select w.g, j.g as h from w join j on j.id = w.k group by all --> w.g; t.g
with j as (select t.g, row_number() over (order by t.id) as n from t left join u on u.k = t.k) select n from j where g <> 'c' group by n --> -
with j as (select t.g, t.a from t left join u on u.k = t.k) select g, "5" as five from j pivot (count(*) for a in (5, 7) group by g) --> t.g; -
select distinct t.g, count(*) over () as n from t left join u on u.k = t.k and u.m > 2 --> t.g; -
select g, "1" as one, "2" as two from (select g, k, b, sum(a) as a from t group by g, k, b) pivot (max(a) for k in (1, 2) group by g) --> t.g; a; a
-- class: window
select g, id from (select g, id, row_number() over v as rn from t window v as (partition by g order by a desc, id)) where rn = 1 --> t.g; id
select distinct g, k, sum(a) over (partition by g) as s, max(b) over (partition by k) as m from t --> t.g; t.k; a; b
-- class: join
select id, q from t natural left join (select k, g, max(q) as q from w group by k, g) --> id; q
