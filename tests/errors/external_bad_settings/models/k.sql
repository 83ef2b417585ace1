{{ config(materialized='external', format='csv', delimiter='||') }} select 1 as id
