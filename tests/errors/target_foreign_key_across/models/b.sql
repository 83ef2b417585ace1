{{ config(target='warehouse', materialized='table') }}
select id
from a
