select {{ broken( }} as x
