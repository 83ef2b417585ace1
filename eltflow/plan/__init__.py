"""What will run, in which order, and why."""
