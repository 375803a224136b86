"""Calendars: on which days the seasons of a shop fall."""
