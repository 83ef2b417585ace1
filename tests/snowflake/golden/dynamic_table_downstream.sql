create or replace transient dynamic table "DB"."S"."T"
  target_lag = downstream
  warehouse = "My Warehouse"
as (
/* eltflow 462f197155944efd */
select id, v
from db.s.up
);
