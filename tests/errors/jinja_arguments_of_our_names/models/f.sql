select {{ adapter.quot('a') }}
