select '{{ secret('x') }}' as id
