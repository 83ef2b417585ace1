-- The daily scorecard counts the flights that the yearly one counts.
select
    yearly.carrier,
    yearly.flights as flights_of_year,
    sum(daily.flights) as flights_of_days
from carrier_scorecard as yearly
left join daily_carrier_scorecard as daily on daily.carrier = yearly.carrier
group by yearly.carrier, yearly.flights
having yearly.flights <> coalesce(sum(daily.flights), 0)
