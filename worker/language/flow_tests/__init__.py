"""Tests of flows: what is given, and what is expected."""
