{{ config(materialized='external', format='parket') }} select 1 as id
