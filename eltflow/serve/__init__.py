"""The service: runs a project's jobs by itself, day after day. It asks `api`, and knows no plan."""
