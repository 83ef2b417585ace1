select id from customers union select id, name from customers
