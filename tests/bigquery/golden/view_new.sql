create or replace view `my-project`.`s`.`t` as (
select id, v
from s.up
);
