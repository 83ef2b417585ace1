select id as a_id from a
