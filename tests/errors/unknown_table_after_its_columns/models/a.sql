select raw.ordres.id
from raw.ordres
where raw.ordres.id > 1
