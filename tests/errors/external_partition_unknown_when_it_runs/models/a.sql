{{ config(materialized='external', partition_by=['contry'], pre_hook='create or replace table s.made as select 1 as id') }} select * from s.made
