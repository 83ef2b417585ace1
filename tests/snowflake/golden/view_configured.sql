create or replace secure view "DB"."S"."T" copy grants as (
select id, v
from db.s.up
);
