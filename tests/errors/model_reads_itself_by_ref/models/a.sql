-- about a model
select *
from {{ ref('a') }}
