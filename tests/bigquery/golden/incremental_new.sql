select * from (
select id, v
from s.up
) as eltflow_described where false;
create table `my-project`.`s`.`t` as (
select id, v
from s.up
);
