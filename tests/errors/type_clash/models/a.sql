select
  id,
  name + 1 as n
from customers
