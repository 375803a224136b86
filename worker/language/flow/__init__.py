"""A flow's file: its keys, triggers and steps; what it means, and what one version does otherwise than another."""
