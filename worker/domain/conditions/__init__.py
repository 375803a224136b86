"""Conditions: the tree, the names it may use, and its reading on values."""
