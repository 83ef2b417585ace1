{{ config(materialized='table', dialect='bigqery') }}
select 1 as id
