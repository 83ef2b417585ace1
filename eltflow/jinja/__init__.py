"""The only room that imports Jinja2: a static scan for templates that need no rendering, and a renderer for the rest."""
