select {{ 1 if }} as x
