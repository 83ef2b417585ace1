select id
from shop.people
