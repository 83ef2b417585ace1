{{ config(materialized='external', partition_by=['id', 'ID']) }} select 1 as id, 2 as n
