select id, regexp_replace(name) as name
from {{ ref('customers') }}
