with prices as (select 1 as at, 10 as price)

select trades.at, prices.price
from (select 2 as at) as trades
asof join prices on trades.at >= prices.at
