select c.nme from {{ ref('customers') }} c
