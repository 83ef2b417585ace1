select '{{ this + 1 }}' as x
