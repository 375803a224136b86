"""Phin: drip marketing for web shops."""
