"""Ground floor: diagnostics, names, fingerprints and plug-ins; it imports nothing of ours."""
