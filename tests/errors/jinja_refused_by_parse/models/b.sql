select {{ kw(1 2) }} as x
