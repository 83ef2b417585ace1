select ordres.id, 1 as x from
  (b cross join  ordres)
