select 1 as id, 'ann' as name, 2 as n
