select id from force
