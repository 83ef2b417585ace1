select id from b where names > 1
