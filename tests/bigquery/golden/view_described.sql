create or replace view `my-project`.`s`.`t` as (
select id, v
from s.up
);
alter view `my-project`.`s`.`t` set options(description = 'It\'s\nall');
select * from (
select * from `my-project`.`s`.`t`
) as eltflow_described where false;
alter view `my-project`.`s`.`t` alter column `v` set options(description = 'it\'s\na \\ v');
