-- view new
begin;
create view "db"."s"."t" as (
select id, v
from s.up
);
commit;

-- view over view
begin;
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
drop view if exists "db"."s"."t";
create view "db"."s"."t" as (
select id, v
from s.up
);
commit;

-- view over table
begin;
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
drop table if exists "db"."s"."t";
create view "db"."s"."t" as (
select id, v
from s.up
);
commit;

-- view, late-binding
begin;
create view "db"."s"."t" as (
select id, v
from s.up
) with no schema binding;
commit;

-- table new
begin;
create table "db"."s"."t" as (
select id, v
from s.up
);
commit;

-- table over table
begin;
create table "db"."s"."t__eltflow_tmp_0123abcd" as (
select id, v
from s.up
);
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
drop table if exists "db"."s"."t";
alter table "db"."s"."t__eltflow_tmp_0123abcd" rename to "t";
commit;

-- table over materialized view
begin;
create table "db"."s"."t__eltflow_tmp_0123abcd" as (
select id, v
from s.up
);
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
drop materialized view if exists "db"."s"."t";
alter table "db"."s"."t__eltflow_tmp_0123abcd" rename to "t";
commit;

-- table, laid out
begin;
create table "db"."s"."t" backup no diststyle key distkey (id) interleaved sortkey (v, id) as (
select id, v
from s.up
);
commit;

-- table on every node
begin;
create table "db"."s"."t" diststyle all sortkey auto as (
select id, v
from s.up
);
commit;

-- table with a sort key
begin;
create table "db"."s"."t" diststyle even compound sortkey (id) as (
select id, v
from s.up
);
commit;

-- table with a contract
begin;
create table "db"."s"."t" (
  "id" bigint not null,
  "v" varchar(10) encode zstd,
  constraint "t_key" primary key ("id")
) backup no diststyle key distkey (id) interleaved sortkey (v, id);
insert into "db"."s"."t" ("id", "v")
select "id", "v" from (
select id, v
from s.up
) as eltflow_contracted;
commit;

-- append
begin;
select * from (
select id, v
from s.up
) as eltflow_described where false;
select * from (
select id, v
from s.up
) as eltflow_described where false;
insert into "db"."s"."t" ("id", "v")
select "id", "v" from (
select id, v
from s.up
) as eltflow_new;
commit;

-- delete+insert
begin;
select * from (
select id, v
from s.up
) as eltflow_described where false;
create temporary table "t__eltflow_tmp_0123abcd" as (
select id, v
from s.up
);
select * from (
select * from "t__eltflow_tmp_0123abcd"
) as eltflow_described where false;
delete from "db"."s"."t"
where exists (
  select 1 from "t__eltflow_tmp_0123abcd" as eltflow_source
  where "db"."s"."t"."id" = eltflow_source."id"
)
  and ("db"."s"."t".id > 10);
insert into "db"."s"."t" ("id", "v")
select "id", "v" from "t__eltflow_tmp_0123abcd";
drop table if exists "t__eltflow_tmp_0123abcd";
commit;

-- merge
begin;
select * from (
select id, v
from s.up
) as eltflow_described where false;
create temporary table "t__eltflow_tmp_0123abcd" as (
select id, v
from s.up
);
select * from (
select * from "t__eltflow_tmp_0123abcd"
) as eltflow_described where false;
merge into "db"."s"."t"
using "t__eltflow_tmp_0123abcd" as eltflow_source
on "db"."s"."t"."id" = eltflow_source."id"
when matched then update set "v" = eltflow_source."v"
when not matched then insert ("id", "v") values (eltflow_source."id", eltflow_source."v");
drop table if exists "t__eltflow_tmp_0123abcd";
commit;

-- merge of keys alone
begin;
select * from (
select id, v
from s.up
) as eltflow_described where false;
create temporary table "t__eltflow_tmp_0123abcd" as (
select id, v
from s.up
);
select * from (
select * from "t__eltflow_tmp_0123abcd"
) as eltflow_described where false;
merge into "db"."s"."t"
using "t__eltflow_tmp_0123abcd" as eltflow_source
on "db"."s"."t"."id" = eltflow_source."id" and "db"."s"."t"."v" = eltflow_source."v"
when matched then update set "id" = eltflow_source."id"
when not matched then insert ("id", "v") values (eltflow_source."id", eltflow_source."v");
drop table if exists "t__eltflow_tmp_0123abcd";
commit;

-- sync_all_columns
begin;
select * from (
select id, v
from s.up
) as eltflow_described where false;
create temporary table "t__eltflow_tmp_0123abcd" as (
select id, v
from s.up
);
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
select * from (
select * from "t__eltflow_tmp_0123abcd"
) as eltflow_described where false;
alter table "db"."s"."t" add column "more" date;
alter table "db"."s"."t" drop column "v";
alter table "db"."s"."t" add column "id__eltflow" numeric(38,0);
update "db"."s"."t" set "id__eltflow" = cast("id" as numeric(38,0));
alter table "db"."s"."t" drop column "id";
alter table "db"."s"."t" rename column "id__eltflow" to "id";
delete from "db"."s"."t"
where exists (
  select 1 from "t__eltflow_tmp_0123abcd" as eltflow_source
  where "db"."s"."t"."id" = eltflow_source."id"
);
insert into "db"."s"."t" ("id", "more")
select "id", "more" from "t__eltflow_tmp_0123abcd";
drop table if exists "t__eltflow_tmp_0123abcd";
commit;

-- a text that has to be longer
begin;
select * from (
select id, v
from s.up
) as eltflow_described where false;
create temporary table "t__eltflow_tmp_0123abcd" as (
select id, v
from s.up
);
select * from (
select * from "t__eltflow_tmp_0123abcd"
) as eltflow_described where false;
alter table "db"."s"."t" add column "v__eltflow" character varying(12);
update "db"."s"."t" set "v__eltflow" = cast("v" as character varying(12));
alter table "db"."s"."t" drop column "v";
alter table "db"."s"."t" rename column "v__eltflow" to "v";
delete from "db"."s"."t"
where exists (
  select 1 from "t__eltflow_tmp_0123abcd" as eltflow_source
  where "db"."s"."t"."id" = eltflow_source."id"
);
insert into "db"."s"."t" ("id", "v")
select "id", "v" from "t__eltflow_tmp_0123abcd";
drop table if exists "t__eltflow_tmp_0123abcd";
commit;

-- materialized view new
begin;
create materialized view "db"."s"."t" backup no diststyle key distkey (id) compound sortkey (v, id) auto refresh yes as (
select id, v
from s.up
);
commit;

-- materialized view over another
begin;
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
drop materialized view if exists "db"."s"."t";
create materialized view "db"."s"."t" auto refresh no as (
select id, v
from s.up
);
commit;

-- materialized view over table
begin;
with edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 's' and c.relname = 't'
)
select 1 from edges join floor0 on floor0.high = edges.low limit 1;
drop table if exists "db"."s"."t";
create materialized view "db"."s"."t" as (
select id, v
from s.up
);
commit;

-- table, described
begin;
create table "db"."s"."t" as (
select id, v
from s.up
);
comment on table "db"."s"."t" is 'It''s
all \\ of it';
select * from (
select * from "db"."s"."t"
) as eltflow_described where false;
comment on column "db"."s"."t"."id" is 'the ''id''';
commit;

-- materialized view, described
begin;
create materialized view "db"."s"."t" as (
select id, v
from s.up
);
comment on view "db"."s"."t" is 'It''s
all \\ of it';
select * from (
select * from "db"."s"."t"
) as eltflow_described where false;
comment on column "db"."s"."t"."id" is 'the ''id''';
commit;

-- table, granted
begin;
create table "db"."s"."t" as (
select id, v
from s.up
);
select lower(privilege_type), case identity_type when 'user' then identity_name
  when 'public' then 'public' else identity_type || ':' || identity_name end
from svv_relation_privileges where namespace_name = 's' and relation_name = 't'
  and not (identity_type = 'user' and identity_name = current_user)
order by 1, 2;
revoke insert on "db"."s"."t" from "loader";
revoke select on "db"."s"."t" from group "old";
grant select on "db"."s"."t" to group "Night Shift";
grant select on "db"."s"."t" to public;
grant select on "db"."s"."t" to "reporter";
grant select on "db"."s"."t" to role "auditor";
commit;

-- table, hooked
begin;
create table "db"."s"."t" as (
select id, v
from s.up
);
commit;
vacuum s.t;

