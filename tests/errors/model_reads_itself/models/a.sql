select *
from a
