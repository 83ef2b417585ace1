select
  '{{ config.require('alias') }}' as name
