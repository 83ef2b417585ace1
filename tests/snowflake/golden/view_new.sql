create or replace view "DB"."S"."T" as (
select id, v
from db.s.up
);
