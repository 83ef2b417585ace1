select
  id,
  lower(name, 'de') as name
from customers
