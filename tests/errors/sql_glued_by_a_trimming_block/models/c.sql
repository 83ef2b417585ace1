select *
from a
join {{ 'b' -}}
  using (id)
