alter table `my-project`.`s`.`t` rename to `t__old__eltflow_tmp_0123abcd`;
create or replace view `my-project`.`s`.`t` as (
select id, v
from s.up
);
drop table if exists `my-project`.`s`.`t__old__eltflow_tmp_0123abcd`;
