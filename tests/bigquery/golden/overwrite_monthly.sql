create or replace table `my-project`.`s`.`t__eltflow_tmp_0123abcd` options(expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day)) as (
select id, v
from s.up
);
select * from (
select * from `my-project`.`s`.`t__eltflow_tmp_0123abcd`
) as eltflow_described where false;
select distinct timestamp_trunc(`at`, month) as eltflow_partition from `my-project`.`s`.`t__eltflow_tmp_0123abcd` order by 1;
merge into `my-project`.`s`.`t` as eltflow_target
using `my-project`.`s`.`t__eltflow_tmp_0123abcd` as eltflow_source
on false
when not matched by source and (timestamp_trunc(eltflow_target.`at`, month) in (timestamp '2026-01-01 00:00:00+00:00')) then delete
when not matched then insert (`id`, `v`) values (eltflow_source.`id`, eltflow_source.`v`);
drop table if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
