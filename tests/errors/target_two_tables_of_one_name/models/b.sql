{{ config(target='dev', alias='a') }}
select 3 as id
