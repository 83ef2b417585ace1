create or replace table `s`.`t`
using iceberg
as (
select id, v
from s.up
);
