select {{ var('a', 1, 2) }} as x
