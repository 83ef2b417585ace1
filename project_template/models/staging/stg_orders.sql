-- One row an order, with its price. Tables are named plainly: the step `orders` fills raw.orders, the seed is `menu`.
select
    orders.order_id,
    orders.ordered_at,
    cast(orders.ordered_at as date) as order_date,
    -- not everybody gives a name
    nullif(orders.guest, '') as guest,
    orders.item,
    menu.kind,
    orders.quantity,
    orders.quantity * menu.price_cents as paid_cents
from raw.orders as orders
left join menu on menu.item = orders.item
