{{ config(materialized=true, on_schema_change=2) }} select 1 as x
