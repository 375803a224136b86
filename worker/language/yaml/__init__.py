"""A YAML file to nodes and typed values, with every problem placed, told and, where it can be, mended in mind."""
