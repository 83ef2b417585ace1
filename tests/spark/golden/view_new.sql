create or replace view `s`.`t` as (
select id, v
from s.up
);
