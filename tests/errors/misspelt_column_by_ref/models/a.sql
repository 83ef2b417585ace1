select
  c.id,
  c.nme
from {{ ref('customers') }} as c
