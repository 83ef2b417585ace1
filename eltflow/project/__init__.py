"""The nouns of a project: nodes, configuration, properties, and the strict reading of the YAML that holds them."""
