create table `my-project`.`s`.`t`
partition by range_bucket(`id`, generate_array(0, 100, 10)) as (
select id, v
from s.up
);
