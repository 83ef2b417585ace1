{{ config(materialized='external', delimiter=';') }} select 1 as id
