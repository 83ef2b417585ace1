select "abc" as x from o
select rowid, oid, _rowid_ from o
select o.rowid from o
select id, amount from o group by id
select id, max(amount), oid from o
select 'a' || "b" as x from c where name like "a%"
select [id] from o
select `id` from o
select iif(id=1, "yes", "no") as y from o
select current_timestamp as t, current_date as d from o
select date('now', "-1 day") as d from o
select j.value, j.key from json_each('[1]') j
select value from o, json_each('[1]')
select json_each.value from o, json_each(o.id)
select name from sqlite_master
select id from o indexed by ix
select id from o not indexed
select min(id, 2) as m from o
select true as t, false as f from o
select id from o where id is not 3 and id isnull and id notnull
select count(*) filter (where "x" = 'x') as c from o
select id from o order by "nothing"
select strftime("%Y", 'now') as y
select group_concat(name, ",") as g from c
select O.ID from o
select case when name = "a" then "b" else "c" end as k from c
select * from o join c on o.id = c.id where name = "x"
select id as a from o where a = 1
select sum(id) as s from o having s > 1
select cast(id as foo) from o
select id from o where (id, oid) = (1, 2)
select x.* from (select 1 as y) x
select pragma_table_info.name from pragma_table_info('o')
select t.name from pragma_table_info('o') t
select upper("abc") as u
select * from c where "abc" = name
select c.id from c where c.name = "it"
