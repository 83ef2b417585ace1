show dynamic tables like 'T' in schema "DB"."S" ->> select contains("text", '/* eltflow 15ede27323f6b44b */') from $1;
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
