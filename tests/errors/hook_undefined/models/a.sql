-- one
{{ config(post_hook='{{ nothing }}') }}
select 1 as id
