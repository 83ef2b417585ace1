{{ config(alias='A') }}
select 1 as id
