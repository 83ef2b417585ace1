-- When to have a second pair of hands.
select
    order_date,
    extract(isodow from order_date) as weekday,    -- 1 is Monday
    extract(hour from ordered_at) as hour_of_day,
    count(*) as orders,
    {{ money('sum(paid_cents)') }} as revenue,
    count(*) >= {{ var('busy_orders') }} as is_busy
from stg_orders
group by order_date, hour_of_day
order by order_date, hour_of_day
