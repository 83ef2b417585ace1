select * from open_orders where id < 0
