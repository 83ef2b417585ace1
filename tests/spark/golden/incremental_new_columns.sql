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
insert into `s`.`t` (`id`, `v`, `more`)
select `id`, `v`, `more` from `s`.`t__eltflow_tmp_0123abcd`;
drop table if exists `s`.`t__eltflow_tmp_0123abcd`;
