{{ config(materialized='incremental', unique_key=var('key')) }}
select 1 as id -- not idd
