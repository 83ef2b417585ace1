select {{ ref('d').foo }} as x
