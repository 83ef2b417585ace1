select
  id,
  nme
from customers
