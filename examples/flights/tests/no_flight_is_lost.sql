-- Joins can drop rows or double them: every flight that arrived in a file is in the fact table once.
select month, count(*) as flights
from (
    select month, concat(carrier, flight, '-', origin, '-', strftime(make_date(year, month, day), '%Y%m%d')) as flight_id
    from raw.flights
) as reported
full join fct_flights on fct_flights.flight_id = reported.flight_id
where fct_flights.flight_id is null or reported.flight_id is null
group by month
