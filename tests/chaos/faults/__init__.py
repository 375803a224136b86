"""Faults of the machine and of its clock, done to real processes: each is told clearly and recovered from."""
