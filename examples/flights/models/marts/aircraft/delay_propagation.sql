-- Does a late arrival make the aircraft's next departure late? By how late it was, and how much reserve was planned.
with later_legs as (
    select
        *,
        case
            when slack_minutes < 0 then 'tight'
            when slack_minutes < 60 then 'under 1 hour'
            when slack_minutes < 120 then '1 to 2 hours'
            else 'over 2 hours'
        end as planned_reserve,
        -- long reserves end in the evening, when everything is late: compare with the same airport and hour
        avg(departure_delay_minutes) over (
            partition by origin, hour(scheduled_departure_at)
        ) as usual_departure_delay
    from int_aircraft_legs
    where leg_of_day > 1 and could_be_back
)

select
    bands.band_order,
    legs.previous_delay_band as previous_arrival,
    legs.planned_reserve,
    count(*) as flights,
    round(avg(legs.previous_arrival_delay_minutes), 1) as avg_previous_delay,
    round(avg(legs.departure_delay_minutes), 1) as avg_departure_delay,
    round(avg(legs.departure_delay_minutes - legs.usual_departure_delay), 1) as avg_more_than_usual,
    {{ share('legs.departure_delay_minutes >= ' ~ var('on_time_minutes')) }} as late_departure_pct
from later_legs as legs
inner join delay_bands as bands on bands.delay_band = legs.previous_delay_band
group by bands.band_order, legs.previous_delay_band, legs.planned_reserve
order by bands.band_order, min(legs.slack_minutes)
