-- Which routes keep their promise, and who flies each best. Rare routes are left out: luck would decide.
with routes as (
    select
        origin,
        dest,
        {{ delay_figures() }},
        count(distinct carrier) as carriers,
        round(avg(air_minutes)) as avg_air_minutes,
        max(distance_miles) as distance_miles
    from fct_flights
    group by origin, dest
    having count(*) >= {{ var('smallest_route') }}
),

carriers as (
    select
        origin,
        dest,
        carrier,
        {{ share('is_on_time') }} as on_time_pct
    from fct_flights
    group by origin, dest, carrier
    having count(*) >= {{ var('smallest_route') }}
    qualify row_number() over (partition by origin, dest order by on_time_pct desc, carrier) = 1
)

select
    rank() over (order by routes.on_time_pct desc) as rank,
    routes.origin,
    routes.dest,
    airports.airport_name as destination,
    carriers.carrier as best_carrier,
    carriers.on_time_pct as best_carrier_on_time_pct,
    -- leave this much time before an appointment to keep nine of ten
    greatest(routes.p90_arrival_delay, 0) as minutes_to_allow,
    routes.* exclude (origin, dest)
from routes
inner join stg_airports as airports on airports.airport = routes.dest
left join carriers on carriers.origin = routes.origin and carriers.dest = routes.dest
order by rank, routes.origin, routes.dest
