{{ config(materialized='external', location='out/rows.parquet') }} select 1 as id
