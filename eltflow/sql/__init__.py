"""The only room that imports sqlglot: parsing, the tables that SQL reads, its columns, and rewriting the user's own text."""
