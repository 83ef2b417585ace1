-- view new
create or replace view `s`.`t` as
select id, v
from s.up;

-- view over view
create or replace view `s`.`t` as
select id, v
from s.up;

-- view over table
alter table `s`.`t` rename `t__old__eltflow_tmp_0123abcd`;
create or replace view `s`.`t` as
select id, v
from s.up;
drop table if exists `s`.`t__old__eltflow_tmp_0123abcd`;

-- table new
create table `s`.`t`
as
select id, v
from s.up;

-- table over table
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
create table `s`.`t__eltflow_tmp_0123abcd`
as
select id, v
from s.up;
alter table `s`.`t` swap with `t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

-- table over view
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
drop view if exists `s`.`t__eltflow_tmp_0123abcd`;
create table `s`.`t__eltflow_tmp_0123abcd`
as
select id, v
from s.up;
drop view if exists `s`.`t`;
alter table `s`.`t__eltflow_tmp_0123abcd` rename `t`;

-- table over materialized view
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
drop materialized view if exists `s`.`t__eltflow_tmp_0123abcd`;
create table `s`.`t__eltflow_tmp_0123abcd`
as
select id, v
from s.up;
drop materialized view if exists `s`.`t`;
alter table `s`.`t__eltflow_tmp_0123abcd` rename `t`;

-- table with a primary key
create table `s`.`t`
primary key (`id`)
partition by date_trunc('day', at)
distributed by hash (`id`) buckets 8
order by (`v`)
properties ('replication_num' = '1', 'enable_persistent_index' = 'true')
as
select id, v
from s.up;

-- table of duplicates
create table `s`.`t`
duplicate key (`id`)
partition by (`day`)
distributed by random buckets 3
as
select id, v
from s.up;

-- table of sums
create table `s`.`t` (
  `id` bigint not null,
  `n` bigint sum
)
aggregate key (`id`);
insert into `s`.`t` (`id`, `n`)
select `id`, `n` from (
select id, v
from s.up
) as eltflow_contracted;

-- append
insert into `s`.`t` (`id`, `v`)
select `id`, `v` from (
select id, v
from s.up
) as eltflow_new;

-- insert overwrite
create table `s`.`t__eltflow_tmp_0123abcd`
as
select id, v
from s.up;
select 1 as eltflow_partition limit 0;
insert /*+ set_var(dynamic_overwrite = true) */ overwrite `s`.`t` (`id`, `v`)
select `id`, `v` from `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

-- insert overwrite of named partitions
create table `s`.`t__eltflow_tmp_0123abcd`
as
select id, v
from s.up;
insert overwrite `s`.`t` partition (`p20260101`, `p20260102`) (`id`, `v`)
select `id`, `v` from `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

-- append_new_columns
select * from (
select id, v
from s.up
) as eltflow_described where false;
create table `s`.`t__eltflow_tmp_0123abcd`
as
select id, v
from s.up;
alter table `s`.`t` add column `more` date;
insert into `s`.`t` (`id`, `v`, `more`)
select `id`, `v`, `more` from `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;

-- materialized view new
create materialized view `s`.`t`
distributed by hash (`id`)
refresh async every (interval 1 hour)
partition by (`day`)
as
select id, v
from s.up;

-- materialized view over another
drop materialized view if exists `s`.`t`;
create materialized view `s`.`t`
refresh async
as
select id, v
from s.up;

-- materialized view over table
alter table `s`.`t` rename `t__old__eltflow_tmp_0123abcd`;
create materialized view `s`.`t`
refresh async
as
select id, v
from s.up;
drop table if exists `s`.`t__old__eltflow_tmp_0123abcd`;

