"""JSON Schemas of all that a shop writes, for editors."""
