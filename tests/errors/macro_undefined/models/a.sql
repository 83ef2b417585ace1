select
  {{ cent('x') }} as y
from (select 1 as x)
