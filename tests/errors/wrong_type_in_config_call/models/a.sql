{{ config(
    materialized='table',
    enabled='yes please'
) }}
select 1 as id
