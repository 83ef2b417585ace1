select
  {{ total('id') }} as total
from customers
