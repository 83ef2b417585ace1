{{ config(materialized='ephemeral') }} select id from orders
