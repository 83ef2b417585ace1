select '{{ target.nme }}' as id
