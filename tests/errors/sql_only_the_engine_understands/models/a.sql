from customers select columns(c -> c like 'i%') at_all
