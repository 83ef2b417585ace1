-- One row a carrier: the whole year, and a school mark.
with figures as (
    select
        carrier,
        {{ delay_figures() }},
        count(distinct tailnum) as aircraft,
        count(distinct dest) as destinations,
        round(avg(minutes_made_up), 1) as avg_minutes_made_up,
        round(avg(taxi_minutes), 1) as avg_taxi_minutes
    from fct_flights
    group by carrier
)

select
    rank() over (order by figures.on_time_pct desc) as rank,
    figures.carrier,
    airlines.carrier_name,
    case
        when figures.on_time_pct >= 85 then 'A'
        when figures.on_time_pct >= 80 then 'B'
        when figures.on_time_pct >= 75 then 'C'
        when figures.on_time_pct >= 70 then 'D'
        else 'E'
    end as mark,
    figures.* exclude (carrier)
from figures
inner join stg_airlines as airlines on airlines.carrier = figures.carrier
order by rank, figures.carrier
