select nosuch(id) as x, st_area(oid) as y, cast(amount as money) as z from o
