{{ config(warn_if='10') }}
select * from m
