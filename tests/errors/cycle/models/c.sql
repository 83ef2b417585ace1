select *
from b
