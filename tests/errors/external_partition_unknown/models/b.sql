{{ config(materialized='external', partition_by=['id']) }} select 1 as id
