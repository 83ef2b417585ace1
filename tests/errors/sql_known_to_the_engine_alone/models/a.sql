select id,
from {{ ref('customers') }}
positional join (select 2 as b)
