select * from (
select id, v
from s.up
) as eltflow_described where false;
create or replace table `my-project`.`s`.`t__eltflow_tmp_0123abcd` options(expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day)) as (
select id, v
from s.up
);
begin transaction;
delete from `my-project`.`s`.`t` as eltflow_target
where exists (
  select 1 from `my-project`.`s`.`t__eltflow_tmp_0123abcd` as eltflow_source
  where eltflow_target.`id` = eltflow_source.`id`
);
insert into `my-project`.`s`.`t` (`id`, `v`)
select `id`, `v` from `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
commit transaction;
drop table if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
