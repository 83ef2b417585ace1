select * from (
select id, v
from db.s.up
) as eltflow_described where false;
select * from (
select id, v
from db.s.up
) as eltflow_described where false;
insert into "DB"."S"."T" ("ID", "V")
select "ID", "V" from (
select id, v
from db.s.up
) as eltflow_new;
