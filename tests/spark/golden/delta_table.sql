create or replace table `s`.`t`
using delta
as (
select id, v
from s.up
);
