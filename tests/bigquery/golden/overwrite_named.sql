create or replace table `my-project`.`s`.`t__eltflow_tmp_0123abcd` options(expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day)) as (
select id, v
from s.up
);
select * from (
select * from `my-project`.`s`.`t__eltflow_tmp_0123abcd`
) as eltflow_described where false;
merge into `my-project`.`s`.`t` as eltflow_target
using `my-project`.`s`.`t__eltflow_tmp_0123abcd` as eltflow_source
on false
when not matched by source and (eltflow_target.`day` in (current_date())) then delete
when not matched then insert (`id`, `v`) values (eltflow_source.`id`, eltflow_source.`v`);
drop table if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
