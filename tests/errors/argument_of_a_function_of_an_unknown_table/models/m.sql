select upper(x, 2) as u from elsewhere
