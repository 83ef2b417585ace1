{{ config(materialized='external', format='parquet') }} select union_value(n := 1) as u
