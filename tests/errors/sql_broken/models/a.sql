select
  id,
  name as
from customers
