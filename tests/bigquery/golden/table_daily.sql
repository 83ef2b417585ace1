create table `my-project`.`s`.`t`
partition by `day` as (
select id, v
from s.up
);
