-- builds orders
create table orders as
select 1 as id
