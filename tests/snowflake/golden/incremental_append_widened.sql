select * from (
select id, v
from db.s.up
) as eltflow_described where false;
alter table "DB"."S"."T" alter column "ID" set data type NUMBER(2,0);
alter table "DB"."S"."T" alter column "V" set data type VARCHAR(12);
select * from (
select id, v
from db.s.up
) as eltflow_described where false;
insert into "DB"."S"."T" ("ID", "V")
select "ID", "V" from (
select id, v
from db.s.up
) as eltflow_new;
