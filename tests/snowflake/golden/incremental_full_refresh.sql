create or replace transient table "DB"."S"."T" as (
select id, v
from db.s.up
);
