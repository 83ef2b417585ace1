select 1 as id, 'x' as name, date '2026-01-01' as day
