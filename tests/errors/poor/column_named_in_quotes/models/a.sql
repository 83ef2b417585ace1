select 1 as "we""ird ' name"
