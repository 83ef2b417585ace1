{{ config(materialized='table') }}
select range as id, md5(range::varchar) as text
from range(200000)
