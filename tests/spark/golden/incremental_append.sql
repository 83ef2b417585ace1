select * from (
select id, v
from s.up
) as eltflow_described where false;
insert into `s`.`t` (`id`, `v`)
select `id`, `v` from (
select id, v
from s.up
) as eltflow_new;
