select
  {{ kw(1,
        2 3) }} as x
