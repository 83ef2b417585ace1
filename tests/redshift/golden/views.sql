with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
), floor1 as (select distinct e.high, 1 as depth from edges e join floor0 f on f.high = e.low), floor2 as (select distinct e.high, 2 as depth from edges e join floor1 f on f.high = e.low), floor3 as (select distinct e.high, 3 as depth from edges e join floor2 f on f.high = e.low), floor4 as (select distinct e.high, 4 as depth from edges e join floor3 f on f.high = e.low), floor5 as (select distinct e.high, 5 as depth from edges e join floor4 f on f.high = e.low), floor6 as (select distinct e.high, 6 as depth from edges e join floor5 f on f.high = e.low), floor7 as (select distinct e.high, 7 as depth from edges e join floor6 f on f.high = e.low), floor8 as (select distinct e.high, 8 as depth from edges e join floor7 f on f.high = e.low)
select n.nspname, c.relname, c.relkind::varchar, pg_get_viewdef(c.oid), obj_description(c.oid, 'pg_class'),
  case when u.usename <> current_user then u.usename end, max(f.depth)
from (select high, depth from floor1 union all select high, depth from floor2 union all select high, depth from floor3 union all select high, depth from floor4 union all select high, depth from floor5 union all select high, depth from floor6 union all select high, depth from floor7 union all select high, depth from floor8) f join pg_class c on c.oid = f.high join pg_namespace n on n.oid = c.relnamespace join pg_user u on u.usesysid = c.relowner
group by n.nspname, c.relname, c.relkind, c.oid, u.usename
order by 7 desc, 1, 2;
select lower(privilege_type), case identity_type when 'user' then identity_name
  when 'public' then 'public' else identity_type || ':' || identity_name end, admin_option
from svv_relation_privileges where namespace_name = 's' and relation_name = 't'
  and not (identity_type = 'user' and identity_name = current_user)
order by 1, 2;
select '' as schema, '' as name, '' as words where false;
create view "s"."above" as select t.id from s.t;
comment on view "s"."above" is 'It''s above';
comment on column "s"."above"."id" is 'the id';
grant select on "s"."above" to "reporter";
grant select on "s"."above" to role "auditor";
grant insert on "s"."above" to "loader" with grant option;
alter table "s"."above" owner to "somebody";
create materialized view s.stored as select 1;
