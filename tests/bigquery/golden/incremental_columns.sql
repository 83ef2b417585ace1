select * from (
select id, v
from s.up
) as eltflow_described where false;
create or replace table `my-project`.`s`.`t__eltflow_tmp_0123abcd` options(expiration_timestamp = timestamp_add(current_timestamp(), interval 1 day)) as (
select id, v
from s.up
);
alter table `my-project`.`s`.`t` add column `more` DATE;
alter table `my-project`.`s`.`t` drop column `v`;
alter table `my-project`.`s`.`t` alter column `id` set data type NUMERIC;
merge into `my-project`.`s`.`t` as eltflow_target
using `my-project`.`s`.`t__eltflow_tmp_0123abcd` as eltflow_source
on eltflow_target.`id` = eltflow_source.`id`
when matched then update set `more` = eltflow_source.`more`
when not matched then insert (`id`, `more`) values (eltflow_source.`id`, eltflow_source.`more`);
drop table if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
