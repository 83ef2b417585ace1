select 1;
create table `s`.`t`
using parquet
as (
select id, v
from s.up
);
select 2;
