create table `s`.`t__eltflow_tmp_0123abcd`
using parquet
as (
select id, v
from s.up
);
select * from (
select * from `s`.`t__eltflow_tmp_0123abcd`
) as eltflow_described where false;
select count(*) as eltflow_partitions from (
select distinct `v` from `s`.`t__eltflow_tmp_0123abcd`
) as eltflow_found;
insert overwrite table `s`.`t` (`id`, `v`)
select `id`, `v` from `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
