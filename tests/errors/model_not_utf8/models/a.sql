select 'tea' as a,
  'café' as b
