select
    id,
    count(*)
from (select 1 as id) as t
group by id
