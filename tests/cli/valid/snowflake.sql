select $1 as a, $2 as b from values (1, 2)
select t.$1 as a from values (1, 2) as t
select column1 as a from values (1)
select t.column1 from (values (1)) t
select sq.nextval as n from o
select current_timestamp as t, current_date as d, current_user as u, localtimestamp as l, current_role() as r from o
select f.value, f.index, f.key, f.path, f.seq, f.this from o, lateral flatten(input => parse_json('[]')) f
select value from o, table(flatten(input => array_construct(1)))
select f.value:a::string as a, f.value:b.c as b from o, lateral flatten(parse_json('[]')) f
select metadata$filename as f, metadata$file_row_number as n, $1 as a from @stage
select metadata$action, metadata$isupdate, id from o
select id, level from o connect by prior id = oid start with id = 1
select sys_connect_by_path(name, '/') as p, connect_by_root name as r from c connect by prior id = id
select * exclude (oid) from o
select * exclude oid rename (id as i) from o
select * ilike '%d' from o
select * replace (1 as id) from o
select o.* exclude id, c.name from o join c on o.id = c.id
select id as k, k + 1 as m from o
select id as k from o where k = 1
select id as k from o qualify row_number() over (partition by k order by amount) = 1
select row_number() over (order by id) as rn from o qualify rn = 1
select id from o at (offset => -60)
select id from o before (statement => 'x')
select seq4() as s, uniform(1, 10, random()) as r from table(generator(rowcount => 5))
select seq4() from table(generator(rowcount => 5)) g
select listagg(name, ',') within group (order by name) as l from c
select object_construct(*) as x from o
select object_construct(o.*) as x from o
select count(*), sum(iff(id=1,1,0)) from o group by all
select dateadd(day, 1, current_date) as d, datediff('day', current_date, current_date) as e, date_trunc(month, current_date) as f from o
select datediff(day, current_date, current_date) as e, last_day(current_date, month) as l, to_char(id) as t from o
select array_agg(id) within group (order by id) as a from o
select id from o sample (10)
select id from o tablesample bernoulli (10)
select id from identifier('o')
select a.* from table(result_scan(last_query_id())) a
select * from table(information_schema.task_history()) t
select id from o pivot(sum(amount) for oid in (1,2)) as p
select p.id, p."1" from o pivot(sum(amount) for oid in (1,2)) as p
select * from o unpivot(v for k in (id, amount))
select k, v from o unpivot(v for k in (id, amount))
select * from o match_recognize(partition by id order by amount measures match_number() as mn pattern (a) define a as true)
select mn from o match_recognize(partition by id order by amount measures match_number() as mn pattern (a+) define a as amount > 0)
select o.id from o asof join c match_condition (o.id >= c.id)
select o.id, c.name from o natural join c
select "ID" from o
select o."ID" from o
select O.ID, o.Id from o
select src:customer.name::string as n from (select parse_json('{}') as src) s
select s.src:a[0].b as n from (select parse_json('{}') as src) s
select filter([1,2], x -> x > 1) as f from o
select filter([1,2], x -> x:a > 1) as f, transform(src, v int -> v + 1) as g from (select [] as src) s
select any_value(name) as n from c
select try_cast(name as int) as n from c
select t.id from (select * from o) t left outer join lateral (select * from c where c.id = t.id) l
select id from (select id from o) minus select id from c
select 1 as one from dual
select current_database() as d, current_schema() as s
select o.id from o, c where o.id = c.id(+)
select $v as v from o
select ratio_to_report(amount) over () as r from o
select hour(current_timestamp) as h, dayname(current_date) as d from o
