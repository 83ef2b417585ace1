{{ config(alias='y', materialized='table') }}
select 1 as id
