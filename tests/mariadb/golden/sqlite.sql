-- view new
begin immediate;
create view `s`.`t` as
select id, v
from s.up;
commit;

-- view over view
begin immediate;
drop view if exists `s`.`t`;
create view `s`.`t` as
select id, v
from s.up;
commit;

-- view over table
begin immediate;
drop table if exists `s`.`t`;
create view `s`.`t` as
select id, v
from s.up;
commit;

-- table new
begin immediate;
create table `s`.`t` as
select id, v
from s.up;
commit;

-- table over table
begin immediate;
create table `s`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
drop table if exists `s`.`t`;
alter table `s`.`t__eltflow_tmp_0123abcd` rename to `t`;
commit;

-- table over view
begin immediate;
create table `s`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
drop view if exists `s`.`t`;
alter table `s`.`t__eltflow_tmp_0123abcd` rename to `t`;
commit;

-- append
begin immediate;
insert into `s`.`t` (`id`, `v`)
select `id`, `v` from (
select id, v
from s.up
) as eltflow_new;
commit;

-- delete+insert
begin immediate;
select * from (
select id, v
from s.up
) as eltflow_described where false;
create table `temp`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
delete from `s`.`t` as eltflow_target
where exists (
  select 1 from `temp`.`t__eltflow_tmp_0123abcd` as eltflow_source
  where eltflow_target.`id` = eltflow_source.`id`
)
  and (eltflow_target.id > 10 and eltflow_target.v <> 'eltflow_target.id');
insert into `s`.`t` (`id`, `v`)
select `id`, `v` from `temp`.`t__eltflow_tmp_0123abcd`;
drop table if exists `temp`.`t__eltflow_tmp_0123abcd`;
commit;

-- sync_all_columns
begin immediate;
select * from (
select id, v
from s.up
) as eltflow_described where false;
create table `temp`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
alter table `s`.`t` add column `more` date;
alter table `s`.`t` drop column `v`;
delete from `s`.`t` as eltflow_target
where exists (
  select 1 from `temp`.`t__eltflow_tmp_0123abcd` as eltflow_source
  where eltflow_target.`id` = eltflow_source.`id`
);
insert into `s`.`t` (`id`, `more`)
select `id`, `more` from `temp`.`t__eltflow_tmp_0123abcd`;
drop table if exists `temp`.`t__eltflow_tmp_0123abcd`;
commit;

