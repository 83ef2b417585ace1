select id
from query('select * from people where id > 0')
