select
  id,
  name
from orders
join customers on customers.id = customer_id
