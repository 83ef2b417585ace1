{{ config(materialized='external', options='zstd') }} select 1 as id
