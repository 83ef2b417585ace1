-- the line is that of the file, not of what it became
select
    id // 2 as half,
    nme
from {{ ref('a') }}
