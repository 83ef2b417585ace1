-- how it is done
explain select * from x
