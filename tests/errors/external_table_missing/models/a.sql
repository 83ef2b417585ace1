select *
from elsewhere.orders
