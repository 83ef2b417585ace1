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
merge into `s`.`t` as eltflow_target
using `s`.`t__eltflow_tmp_0123abcd` as eltflow_source
on eltflow_target.`id` = eltflow_source.`id`
when matched then update set `v` = eltflow_source.`v`
when not matched then insert (`id`, `v`) values (eltflow_source.`id`, eltflow_source.`v`);
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
