select
  {{ cents() }} as y
from (select 1 as x)
