select id from o where sum(amount) > 1
