{{ config(target='warehouse', materialized='table') }}
select idd
from a
