create or replace transient table "DB"."S"."T" cluster by (id, to_date(v)) copy grants as (
select id, v
from db.s.up
);
