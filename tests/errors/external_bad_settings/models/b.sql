{{ config(materialized='external', location='../b.parquet') }} select 1 as id
