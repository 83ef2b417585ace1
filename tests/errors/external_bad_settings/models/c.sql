{{ config(materialized='external', location='out/c.csv', format='json') }} select 1 as id
