"""When: jobs, what starts them, and the times at which they are due, as pure values."""
