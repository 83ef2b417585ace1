select 1 as id, 'ann@example.org' as email
