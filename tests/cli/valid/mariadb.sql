select nextval(sq) as n from o
select lastval(sq) as n, setval(sq, 5) as m from o
select next value for sq as n from o
select previous value for sq as n from o
select "abc" as x from o
select id from o where 'a' = "b"
select current_user as u, utc_timestamp as t, current_timestamp as c, localtime as l, utc_date as d from o
select date_add(current_date, interval 1 day) as d from o
select timestampdiff(minute, now(), now()) as d from o
select group_concat(name order by name separator ';') as g from c
select @x := id as v from o
select @@version as v from o
select id from o order by rand() limit 2, 3
select straight_join o.id from o join c on o.id = c.id
select id from o use index (ix)
select name, count(*) from c group by name with rollup
select id, amount from o group by id
select id as k from o having k > 1
select id from o where amount regexp 'a'
select json_extract('{}', '$.a') as j
select convert(name using utf8mb4) as n, cast(id as char) as cc, binary name as b from c
select values(id) from o
select if(id = 1, 'a', 'b') as f from o
select dual.x from (select 1 as x) dual
select 1 from dual
select j.a from json_table('[]', '$[*]' columns(a int path '$.a')) j
select `o`.`id` from `o`
select O.id from o
select o.ID from o O
select id from o for system_time all
select row_start, row_end from o for system_time all
select x'4D' as h, b'01' as bb, 0x41 as y from o
select year(now()) y, quarter(now()) q from o
select extract(year_month from now()) as e from o
select get_format(date, 'EUR') as f
select _utf8mb4'abc' as s from o
select sql_calc_found_rows id from o
select id div 2 as d, id mod 2 as m, id xor 1 as x from o
select distinctrow id from o
select trim(leading 'x' from name) as t, substring(name from 2) as s from c
select char(65 using utf8mb4) as c1
select weight_string(name as char(3)) from c
select row_number() over (order by id) as r from o
select id from o limit 3 for update skip locked
select seq from seq_1_to_10
select id from c where name is null
select id from c where match(name) against ('x')
