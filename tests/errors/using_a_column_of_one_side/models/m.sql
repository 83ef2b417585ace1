select id, name
from o
join c using (oid)
