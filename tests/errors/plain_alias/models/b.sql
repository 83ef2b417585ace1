select id
from y
