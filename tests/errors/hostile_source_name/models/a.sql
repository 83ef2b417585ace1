select * from {{ source("raw'); drop tabl x; --", 't') }}
