select
  id,
  nam
from menu
