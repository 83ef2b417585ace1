select id from a where day > id
