select 'abc as id
from x
