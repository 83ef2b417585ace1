select * from (
select id, v
from s.up
) as eltflow_described where false;
create table `s`.`t__eltflow_tmp_0123abcd`
using parquet
as (
select id, v
from s.up
);
alter table `s`.`t` add column `more` date;
alter table `s`.`t` drop column `v`;
alter table `s`.`t` alter column `id` type bigint;
merge into `s`.`t` as eltflow_target
using `s`.`t__eltflow_tmp_0123abcd` as eltflow_source
on eltflow_target.`id` = eltflow_source.`id`
when matched then update set `more` = eltflow_source.`more`
when not matched then insert (`id`, `more`) values (eltflow_source.`id`, eltflow_source.`more`);
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
