select *
from query_table('b')
union all
from query_table(['outside', 'c'])
