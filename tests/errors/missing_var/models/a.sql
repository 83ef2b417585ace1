select
  '{{ var('strat') }}' as day
