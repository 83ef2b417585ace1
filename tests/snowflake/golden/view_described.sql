create or replace view "DB"."S"."T" as (
select id, v
from db.s.up
);
comment on view "DB"."S"."T" is 'It''s
all \\ of it';
select * from (
select * from "DB"."S"."T"
) as eltflow_described where false;
comment on column "DB"."S"."T"."ID" is 'the ''id''';
