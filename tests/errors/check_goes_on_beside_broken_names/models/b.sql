select idd from a
