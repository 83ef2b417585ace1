drop table if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
drop view if exists `my-project`.`s`.`t__eltflow_tmp_0123abcd`;
create table `my-project`.`s`.`t__eltflow_tmp_0123abcd` as (
select id, v
from s.up
);
begin
  declare definition string default (select view_definition from `my-project`.`s`.INFORMATION_SCHEMA.VIEWS where table_name = 't');
  execute immediate format('create view `my-project`.`s`.`t__old__eltflow_tmp_0123abcd` as %s', definition);
  drop view `my-project`.`s`.`t`;
end;
alter table `my-project`.`s`.`t__eltflow_tmp_0123abcd` rename to `t`;
drop view if exists `my-project`.`s`.`t__old__eltflow_tmp_0123abcd`;
