-- When to have a second pair of hands.
select
    order_date,
    case extract(isodow from order_date)
        when 1 then 'Monday' when 2 then 'Tuesday' when 3 then 'Wednesday' when 4 then 'Thursday'
        when 5 then 'Friday' when 6 then 'Saturday' else 'Sunday'
    end as weekday,
    extract(hour from ordered_at) as hour_of_day,
    count(*) as orders,
    {{ money('sum(paid_cents)') }} as revenue,
    count(*) >= {{ var('busy_orders') }} as is_busy
from stg_orders
group by order_date, hour_of_day
order by order_date, hour_of_day
