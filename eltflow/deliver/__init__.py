"""Tables on their way to outside systems."""
