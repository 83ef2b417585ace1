select
  id,
  sum({{ 'name' }}) as names
from a
group by id
