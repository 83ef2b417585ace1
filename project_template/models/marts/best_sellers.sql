-- What sells, and what earns.
select
    item,
    kind,
    cast(sum(quantity) as bigint) as sold,
    {{ money('sum(paid_cents)') }} as revenue,
    rank() over (order by sum(paid_cents) desc) as rank
from stg_orders
group by item, kind
order by rank, item
