"""The mails' templates: read, flattened, inlined and compiled once; for each customer only the values are rendered."""
