{{ config(materialized='external', location='./out/x/../rows.parquet') }} select 1 as id
