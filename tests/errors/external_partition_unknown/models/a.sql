{{ config(materialized='external', partition_by=['contry']) }} select 1 as id, 'x' as country
