select '{{ doc('orders') | trim }}' as x, {{ 1 + 1 }}
