"""Outages: which of a database's errors say that it serves nobody now, and which speak of the work that it was given.

Work that fails by an outage is not at fault: it is not counted as a try, blamed or set aside, but waits.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

# Names of SQLite's result codes (sqlite.org/rescode.html) by how they begin.
_OF_SQLITE = {
    "SQLITE_FULL": "its disk is full; make room",
    "SQLITE_BUSY": "another program holds it locked",
    "SQLITE_LOCKED": "another program holds it locked",
    "SQLITE_IOERR": "its disk does not read or write",
    "SQLITE_READONLY": "it can only be read",
    "SQLITE_CANTOPEN": "its file cannot be opened",
    "SQLITE_PROTOCOL": "another program holds it locked",
}
# SQLSTATEs of PostgreSQL (appendix A of its manual) by how they begin; the longer stands before the shorter.
_OF_POSTGRESQL = {
    "53100": "its disk is full; make room",
    "53300": "it has no connection left; raise max_connections or run fewer processes",
    "53": "it has no memory or room left",
    "57P": "it is being stopped or started",
    "58": "its disk does not read or write",
    "55P03": "another program holds a lock on it",
    "25006": "it can only be read",
}


def outage(error: BaseException | None) -> str | None:
    """Return why the database serves nobody now, by this error or one that it came of; None where it says no such."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        why = _why(error) if isinstance(error, DBAPIError) else None
        if why is not None:
            return why
        error = error.__cause__ or error.__context__  # a transaction that a full disk ended has no savepoint any more
    return None


def _why(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    name = getattr(error.orig, "sqlite_errorname", None)
    told, meanings = (state, _OF_POSTGRESQL) if state else (name, _OF_SQLITE)
    return next((words for begin, words in meanings.items() if told and told.startswith(begin)), None)
