-- view new
create or replace view `s`.`t` as
select id, v
from s.up;

-- view over view
create or replace view `s`.`t` as
select id, v
from s.up;

-- view over table
drop view if exists `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
create or replace view `s`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
rename table `s`.`t` to `s`.`t__eltflow_tmp_0123abc_`, `s`.`t__eltflow_tmp_0123abcd` to `s`.`t`, `s`.`t__eltflow_tmp_0123abc_` to `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

-- table new
create table `s`.`t` as
select id, v
from s.up;

-- table over table
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
create table `s`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
rename table `s`.`t` to `s`.`t__eltflow_tmp_0123abc_`, `s`.`t__eltflow_tmp_0123abcd` to `s`.`t`, `s`.`t__eltflow_tmp_0123abc_` to `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

-- table over view
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
drop view if exists `s`.`t__eltflow_tmp_0123abcd`;
create table `s`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
rename table `s`.`t` to `s`.`t__eltflow_tmp_0123abc_`, `s`.`t__eltflow_tmp_0123abcd` to `s`.`t`, `s`.`t__eltflow_tmp_0123abc_` to `s`.`t__eltflow_tmp_0123abcd`;
drop view if exists `s`.`t__eltflow_tmp_0123abcd`;

-- append
insert into `s`.`t` (`id`, `v`)
select `id`, `v` from (
select id, v
from s.up
) as eltflow_new;

-- delete+insert
select * from (
select id, v
from s.up
) as eltflow_described where false;
create temporary table `s`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
start transaction;
delete from `s`.`t`
where exists (
  select 1 from `s`.`t__eltflow_tmp_0123abcd` as eltflow_source
  where `s`.`t`.`id` = eltflow_source.`id`
)
  and (`s`.`t`.id > 10 and `s`.`t`.v <> 'eltflow_target.id');
insert into `s`.`t` (`id`, `v`)
select `id`, `v` from `s`.`t__eltflow_tmp_0123abcd`;
commit;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

-- sync_all_columns
select * from (
select id, v
from s.up
) as eltflow_described where false;
create temporary table `s`.`t__eltflow_tmp_0123abcd` as
select id, v
from s.up;
alter table `s`.`t` add column `more` date;
alter table `s`.`t` drop column `v`;
start transaction;
delete from `s`.`t`
where exists (
  select 1 from `s`.`t__eltflow_tmp_0123abcd` as eltflow_source
  where `s`.`t`.`id` = eltflow_source.`id`
);
insert into `s`.`t` (`id`, `more`)
select `id`, `more` from `s`.`t__eltflow_tmp_0123abcd`;
commit;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

