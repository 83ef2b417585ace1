select id
from {{ ref('shop', 'a') }}
