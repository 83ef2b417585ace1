"""Who depends on whom: facts of each file's SQL, names into edges, and selection."""
