select count(distinct who) as people from revenue
