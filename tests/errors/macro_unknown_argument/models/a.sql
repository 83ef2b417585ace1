select
  {{ cents('x', digit=2) }} as y
from (select 1 as x)
