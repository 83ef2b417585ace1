select '{{ adapter.dispatch() }}' as x, {{ adapter.quot('a') }} as y
