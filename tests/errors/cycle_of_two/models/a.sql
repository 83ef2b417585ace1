with x as (
  select * from b
)
select * from x
