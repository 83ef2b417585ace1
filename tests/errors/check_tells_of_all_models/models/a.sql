select idd from customers
