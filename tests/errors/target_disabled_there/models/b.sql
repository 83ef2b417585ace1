{{ config(target='warehouse', materialized='table', enabled=target.name == 'dev') }}
select id
from a
