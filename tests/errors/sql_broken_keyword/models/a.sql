select 1 as id
frm customers
