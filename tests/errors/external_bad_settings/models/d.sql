{{ config(materialized='external', location='seeds/d.csv') }} select 1 as id
