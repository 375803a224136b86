"""Tables, named queries and migrations; takes and returns domain values."""
