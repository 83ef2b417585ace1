select 1.5::double as id, 'a' as nam, 2 as extra
