"""Folds over a graph and a run: artifacts, JUnit, the docs site. Nothing here writes files."""
