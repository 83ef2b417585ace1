"""The command line. `render.py` is the only place that prints; commands are imported when they are called."""
