-- A test is a query that should find nothing. The shop is closed on Sundays.
select order_id, ordered_at
from stg_orders
where extract(isodow from order_date) = 7
