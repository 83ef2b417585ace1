{{ config(materialized='external', options={'compresion': 'zstd'}) }} select 1 as id
