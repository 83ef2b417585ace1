select
  {{ cents('x', 2, 3) }} as y
from (select 1 as x)
