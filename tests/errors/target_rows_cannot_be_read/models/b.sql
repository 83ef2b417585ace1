{{ config(materialized='table') }}
select id
from a
