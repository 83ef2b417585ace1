{{ config(materialized='table', target='warehose') }}
select 1 as x
