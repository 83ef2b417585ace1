select 1 as x {{ log(1, 2, 3) }}
