{{ config(schema='x') }} select 1 as x
