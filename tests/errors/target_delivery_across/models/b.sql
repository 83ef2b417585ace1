{{ config(target='warehouse', materialized='table') }}
select 1 as id
