{{ config(materialized='external', options={'compression': ['zstd']}) }} select 1 as id
