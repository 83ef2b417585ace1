select id from {{ ref('nobody') }}
