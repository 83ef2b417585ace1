{{ config(materialized='external', location='out/') }} select 1 as id
