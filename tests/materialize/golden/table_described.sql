begin;
create table "w"."s"."t" as (
select id, v
from w.s.up
);
comment on table "w"."s"."t" is 'It''s all';
select * from (
select * from "w"."s"."t"
) as eltflow_described limit 0;
comment on column "w"."s"."t"."id" is 'the ID';
commit;
