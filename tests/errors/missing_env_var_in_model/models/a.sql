select
  '{{ env_var('ELTFLOW_NO_SUCH_PLACE') }}' as place
