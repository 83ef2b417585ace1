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
