select id
from {{ ref('custmers') }}
