select upper(name, 2) as u from c
