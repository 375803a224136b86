"""The functions that Phin gives SQLite: which texts are a date or a time, as conditions on values read them."""

from __future__ import annotations

from typing import Any

from worker.domain.conditions.readings import date_of, time_of
from worker.storage.types import microseconds

DATE = "phin_date"
TIME = "phin_time"


def register(connection: Any) -> None:
    """Teach the functions to a connection of the sqlite3 module, or of one like it."""
    connection.create_function(DATE, 1, _date, deterministic=True)
    connection.create_function(TIME, 1, _time, deterministic=True)


def _date(text: object) -> str | None:
    day = date_of(text) if isinstance(text, str) else None
    return None if day is None else day.isoformat()


def _time(text: object) -> int | None:
    moment = time_of(text) if isinstance(text, str) else None
    return None if moment is None else microseconds(moment)
