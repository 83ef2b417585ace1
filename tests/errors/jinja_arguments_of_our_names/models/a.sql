select '{{ env_var() }}' as x
