select nosuch from f
