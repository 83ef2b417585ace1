select
  {{ up(1) }} as y
