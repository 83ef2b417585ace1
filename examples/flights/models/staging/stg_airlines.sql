-- Names as people say them.
select
    carrier,
    trim(regexp_replace(name, '(Inc\.|Co\.|Corporation)$', '')) as carrier_name
from airlines
