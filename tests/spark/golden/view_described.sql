create or replace view `s`.`t` as (
select id, v
from s.up
);
alter view `s`.`t` set tblproperties ('comment' = 'It\'s
all');
