alter table `s`.`t` rename to `s`.`t__old__eltflow_tmp_0123abcd`;
create or replace view `s`.`t` as (
select id, v
from s.up
);
drop table if exists `s`.`t__old__eltflow_tmp_0123abcd`;
