select 1 as id, 'a' as name union all select 1, 'b'
