select id, name
from customers
union all
select *
from customers
