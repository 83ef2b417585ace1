{{ config(target='cloud', materialized='table') }}
select 2 as id
