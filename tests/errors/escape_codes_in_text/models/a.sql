select {{ nothing }} as id -- [31m
