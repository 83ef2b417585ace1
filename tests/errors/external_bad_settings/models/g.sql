{{ config(materialized='external', format='json', partition_by='id') }} select 1 as id, 2 as n
