{{ config(materialized='external', location='mine', partition_by=['id']) }} select 1 as id, 2 as n
