drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
create table `s`.`t__eltflow_tmp_0123abcd` (
  `id` int,
  `v` string
)
using orc
options ('compression' = 'zstd')
partitioned by (`v`)
clustered by (`id`) into 8 buckets
tblproperties ('owner' = 'it\'s ours', 'external.table.purge' = 'true');
insert into `s`.`t__eltflow_tmp_0123abcd` (`id`, `v`)
select `id`, `v` from (
select id, v
from s.up
) as eltflow_contracted;
alter table `s`.`t` rename to `s`.`t__old__eltflow_tmp_0123abcd`;
alter table `s`.`t__eltflow_tmp_0123abcd` rename to `s`.`t`;
drop table if exists `s`.`t__old__eltflow_tmp_0123abcd`;
