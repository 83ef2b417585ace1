{{ config(materialized='external', location='out/c/d.parquet') }} select 1 as id
