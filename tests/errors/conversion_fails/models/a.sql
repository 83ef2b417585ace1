{{ config(materialized='table') }}
select
  cast(x as integer) as n
from (values ('1'), ('two')) as t(x)
