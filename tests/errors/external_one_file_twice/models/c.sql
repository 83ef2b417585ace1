{{ config(materialized='external', location='out/c', partition_by=['id']) }} select 1 as id, 2 as n
