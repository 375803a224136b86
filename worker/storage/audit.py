"""The audit log: what staff and operators did, written in the transaction in which it is done, and never altered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select

from worker.storage.tables import audit

_ADD = insert(audit)


class Way(StrEnum):
    """How somebody did something."""

    COMMAND = "command line"
    PAGE = "page"
    API = "api"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person of the staff by key, a user of the machine, an ingest key by name."""

    way: Way
    who: str


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the log.

    Parameters:
        action: what was done, in a few words: `task closed`.
        on: what it was done to: `task 12`.
        detail: numbers and words of ours; nothing that names a customer.
    """

    at: datetime
    actor: Actor
    action: str
    on: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None


def write(
    connection: Connection, actor: Actor, action: str, on: str | None, now: datetime, **detail: str | int | bool | None
) -> None:
    """Add a line, to be committed with what it tells of; details that are None are left out."""
    told = {name: value for name, value in detail.items() if value is not None}
    line = {"at": now, "way": actor.way.value, "who": actor.who, "action": action, "on": on, "detail": told}
    connection.execute(_ADD, line)


def listed(
    connection: Connection,
    *,
    since: datetime | None = None,
    who: str | None = None,
    action: str | None = None,
    on: str | None = None,
    limit: int = 200,
) -> list[Deed]:
    """Return the latest lines, the oldest of them first.

    Parameters:
        who: a part of the name; `action`: how it begins; `on`: exactly what it was done to.
    """
    asked = select(audit).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)
    if since is not None:
        asked = asked.where(audit.c.at >= since)
    if who is not None:
        asked = asked.where(audit.c.who.contains(who, autoescape=True))
    if action is not None:
        asked = asked.where(audit.c.action.startswith(action, autoescape=True))
    if on is not None:
        asked = asked.where(audit.c.on == on)
    rows = connection.execute(asked).all()
    return [
        Deed(row.at, Actor(Way(row.way), row.who), row.action, row.on, row.detail or {}, row.id)
        for row in reversed(rows)
    ]


def marked(connection: Connection, action: str, after: int) -> list[tuple[int, str]]:
    """Return numbers of lines above one, and what was done to, of those that tell of this action."""
    asked = select(audit.c.id, audit.c.on).where(audit.c.id > after, audit.c.action == action, audit.c.on.is_not(None))
    return [(row.id, row.on) for row in connection.execute(asked)]
