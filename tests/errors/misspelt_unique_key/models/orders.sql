{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='order_id',
    merge_update_columns=['stauts'],
) }}

select 1 as order_id, 'open' as status
