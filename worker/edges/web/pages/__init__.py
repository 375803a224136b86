"""The pages' templates and their stylesheet, which stands in each page: one request shows all of it."""
