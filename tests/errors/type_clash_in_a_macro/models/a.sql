select
  id,
  {{ day('name') }} as d
from customers
