drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
create table `s`.`t__eltflow_tmp_0123abcd`
using parquet
as (
select id, v
from s.up
);
alter table `s`.`t` rename to `s`.`t__old__eltflow_tmp_0123abcd`;
alter table `s`.`t__eltflow_tmp_0123abcd` rename to `s`.`t`;
drop table if exists `s`.`t__old__eltflow_tmp_0123abcd`;
comment on table `s`.`t` is 'It\'s
all';
select * from (
select * from `s`.`t`
) as eltflow_described where false;
alter table `s`.`t` alter column `v` comment 'it\'s
a \\ v';
