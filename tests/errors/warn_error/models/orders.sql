select id
from custmers
