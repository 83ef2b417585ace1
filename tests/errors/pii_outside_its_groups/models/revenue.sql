select
  id,
  contact as who,
  1 as amount
from stg
