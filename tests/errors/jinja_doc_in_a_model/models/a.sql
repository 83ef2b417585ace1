select '{{ doc('orders') }}' as x
