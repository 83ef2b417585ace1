select * from a
where idd = 2
