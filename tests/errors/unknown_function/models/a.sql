select
  uppr(name) as n
from customers
