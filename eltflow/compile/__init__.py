"""Nodes into SQL, and SQL into programs of statements. Pure: nothing here touches the warehouse."""
