{{ config(materialized='ephemeral') }} select id, lower(email) as contact from customers
