"""Expressions and texts with values: parsed, typed, held to each other."""
