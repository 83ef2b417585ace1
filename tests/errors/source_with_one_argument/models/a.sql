select *
from {{ source('raw') }}
