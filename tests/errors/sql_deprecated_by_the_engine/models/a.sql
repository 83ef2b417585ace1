from customers select columns(c -> c like 'i%')
