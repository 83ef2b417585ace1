-- Are old aircraft late aircraft? They are compared within a manufacturer, because who builds also tells who flies.
with flights as (
    select
        flights.*,
        coalesce(planes.manufacturer, 'not in the register') as manufacturer,
        case
            when planes.built_year is null then 'unknown'
            {%- for years in [5, 10, 15, 20] %}
            when year(flights.flight_date) - planes.built_year < {{ years }}
                then '{{ "%02d" | format(years - 5) }} to {{ "%02d" | format(years - 1) }}'
            {%- endfor %}
            else '20 and more'
        end as age_years
    from fct_flights as flights
    left join {{ ref('stg_planes') }} as planes
        on planes.tailnum = flights.tailnum
        -- American and Envoy report fleet numbers; some of them are by chance the tail number of a private aircraft
        and planes.seats >= 20
    where flights.tailnum is not null
)

select
    manufacturer,
    age_years,
    count(distinct tailnum) as aircraft,
    {{ delay_figures() }}
from flights
group by manufacturer, age_years
order by manufacturer, age_years
