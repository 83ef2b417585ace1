create or replace table `my-project`.`s`.`t`
partition by `day` as (
select id, v
from s.up
);
drop table if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
create table `my-project`.`s`.`t__eltflow_tmp_0123abcd`
partition by `day` as (
select id, v
from s.up
);
alter table `my-project`.`s`.`t` rename to `t__old__eltflow_tmp_0123abcd`;
alter table `my-project`.`s`.`t__eltflow_tmp_0123abcd` rename to `t`;
drop table if exists `my-project`.`s`.`t__old__eltflow_tmp_0123abcd`;
