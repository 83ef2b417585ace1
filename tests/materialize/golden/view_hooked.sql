checkpoint;
begin;
set variable day = 1;
insert into audit values ('before');
create or replace view "w"."s"."t" as (
select id, v
from w.s.up
);
analyze;
commit;
checkpoint;
