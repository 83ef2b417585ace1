select
    id,
    sum(amount) as amount
from o
group by oid
