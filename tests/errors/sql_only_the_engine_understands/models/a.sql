select
  id,
  x'41' as b
from {{ ref('customers') }}
