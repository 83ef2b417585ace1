select x from elsewhere
