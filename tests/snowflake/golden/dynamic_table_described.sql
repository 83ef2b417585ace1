create or replace dynamic table "DB"."S"."T"
  target_lag = '1 hour'
  warehouse = "TRANSFORMING"
  refresh_mode = incremental
  initialize = on_create
as (
/* eltflow 15ede27323f6b44b */
select id, v
from db.s.up
);
comment on dynamic table "DB"."S"."T" is 'It''s
all \\ of it';
select * from (
select * from "DB"."S"."T"
) as eltflow_described where false;
comment on column "DB"."S"."T"."ID" is 'the ''id''';
