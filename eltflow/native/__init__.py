"""The native front door: a folder with an `eltflow.yml`."""
