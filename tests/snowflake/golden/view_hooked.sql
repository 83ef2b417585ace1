select 1;
alter session set timezone = 'UTC';
use warehouse small;
create or replace view "DB"."S"."T" as (
select id, v
from db.s.up
);
select 2;
