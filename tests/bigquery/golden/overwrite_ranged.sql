create or replace table `my-project`.`s`.`t__eltflow_tmp_0123abcd` options(expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day)) as (
select id, v
from s.up
);
select * from (
select * from `my-project`.`s`.`t__eltflow_tmp_0123abcd`
) as eltflow_described where false;
select distinct range_bucket(`id`, generate_array(0, 100, 10)) as eltflow_partition from `my-project`.`s`.`t__eltflow_tmp_0123abcd` order by 1;
merge into `my-project`.`s`.`t` as eltflow_target
using `my-project`.`s`.`t__eltflow_tmp_0123abcd` as eltflow_source
on false
when not matched by source and (range_bucket(eltflow_target.`id`, generate_array(0, 100, 10)) in (3)) then delete
when not matched then insert (`id`, `v`) values (eltflow_source.`id`, eltflow_source.`v`);
drop table if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
