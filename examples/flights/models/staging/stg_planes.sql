-- One row an aircraft of the register.
select
    tailnum,
    year as built_year,
    case
        when manufacturer like 'AIRBUS%' then 'Airbus'
        when manufacturer like 'BOMBARDIER%' or manufacturer = 'CANADAIR' then 'Bombardier'
        when manufacturer like 'MCDONNELL%' or manufacturer = 'DOUGLAS' then 'McDonnell Douglas'
        when manufacturer in ('BOEING', 'EMBRAER', 'CESSNA') then upper(left(manufacturer, 1)) || lower(substr(manufacturer, 2))
        else 'other'
    end as manufacturer,
    model,
    type as aircraft_type,
    engines,
    seats
from {{ ref('planes') }}
