"""Intake: what a shop sends is checked item by item, kept once each, and answered with what became of it.

Nothing here decides about customers or flows: a committed row is all that intake promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError

from worker.domain.event_check import CheckedEvent, EventRules, check_event, item_id, type_warning
from worker.domain.work import Work
from worker.storage import events
from worker.storage.database import Database
from worker.storage.events import NewEvent, Outcome, Stored

# How drivers say that they cannot write a value; anything else says something of the database's state.
_OF_A_VALUE = (DataError, IntegrityError, ValueError, TypeError, OverflowError)
_REFUSED = {
    Outcome.CONTRADICTION: ("id", "was already received with other content; nothing was changed"),
    Outcome.UNKEPT: ("", "holds something that the database cannot keep"),
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for an item that could not even be read, such as a broken line; `error` says why."""

    error: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item was not taken: the faulty field's path (empty for the item itself) and a sentence."""

    index: int
    id: str | None
    field: str
    error: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the answer shows it."""
        return {"index": self.index, "id": self.id, "field": self.field, "error": self.error}


@dataclass(frozen=True, slots=True)
class Warned:
    """What is odd about an item that was taken: the field's path and a sentence."""

    index: int
    id: str
    field: str
    warning: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the answer shows it."""
        return {"index": self.index, "id": self.id, "field": self.field, "warning": self.warning}


@dataclass(frozen=True, slots=True)
class Examined:
    """The items of one request after the check: what may be kept, with its place among them, and what may not."""

    events: tuple[tuple[int, NewEvent], ...]
    refused: tuple[Refusal, ...]
    warnings: tuple[Warned, ...] = ()

    @property
    def rows(self) -> list[NewEvent]:
        """What is to be kept."""
        return [new for _, new in self.events]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the items of one request."""

    accepted: int
    duplicates: int
    refused: tuple[Refusal, ...]
    warnings: tuple[Warned, ...] = ()

    def as_json(self) -> Mapping[str, Any]:
        """Return it as the answer shows it; `warnings` only where there are some."""
        refused = [refusal.as_json() for refusal in self.refused]
        answer: dict[str, Any] = {"accepted": self.accepted, "duplicates": self.duplicates, "refused": refused}
        if self.warnings:
            answer["warnings"] = [one.as_json() for one in self.warnings]
        return answer


def examine(items: Sequence[object], source: str, rules: EventRules, now: datetime) -> Examined:
    """Check each item as JSON gave it.

    Parameters:
        source: name of the key that the items came with.
        now: when they came in, in UTC.
    """
    kept: list[tuple[int, NewEvent]] = []
    refused: list[Refusal] = []
    warnings: list[Warned] = []
    for index, item in enumerate(items):
        if isinstance(item, Unreadable):
            refused.append(Refusal(index, None, "", item.error))
            continue
        checked = check_event(item, rules, now)
        if isinstance(checked, CheckedEvent):
            kept.append((index, _row(checked, source, now)))
            odd = type_warning(checked.type, rules)
            if odd is not None:
                warnings.append(Warned(index, checked.id, "type", odd))
        else:
            refused += [Refusal(index, item_id(item), fault.field, fault.error) for fault in checked]
    return Examined(tuple(kept), tuple(refused), tuple(warnings))


def keep(database: Database, rows: Sequence[NewEvent]) -> list[Stored]:
    """Commit the events in one transaction; returns what became of each, in order.

    Raises:
        UnavailableError: the database cannot be reached; nothing was kept.
    """
    with database.writing() as connection:
        return events.add(connection, rows)


def keep_carefully(database: Database, rows: Sequence[NewEvent]) -> list[Stored]:
    """Do the same, and where the database refuses a value, keep the others: each row harms only itself."""
    try:
        return keep(database, rows)
    except _OF_A_VALUE:
        if len(rows) == 1:
            return [Stored(Outcome.UNKEPT)]
    return [stored for row in rows for stored in keep_carefully(database, [row])]


def receipt(examined: Examined, stored: Sequence[Stored]) -> Receipt:
    """Sum up what became of the items of one request."""
    refused = list(examined.refused)
    for (index, new), one in zip(examined.events, stored, strict=True):
        if one.outcome in _REFUSED:
            refused.append(Refusal(index, new.external_id, *_REFUSED[one.outcome]))
    outcomes = [one.outcome for one in stored]
    unkept = {refusal.index for refusal in refused}
    return Receipt(
        accepted=outcomes.count(Outcome.ACCEPTED),
        duplicates=outcomes.count(Outcome.DUPLICATE),
        refused=tuple(sorted(refused, key=lambda refusal: refusal.index)),
        warnings=tuple(one for one in examined.warnings if one.index not in unkept),
    )


def work_of(stored: Sequence[Stored]) -> Work:
    """Return the new events, for whoever processes them."""
    return Work(events=tuple(one.id for one in stored if one.id is not None))


def take_in(
    database: Database, items: Sequence[object], source: str, rules: EventRules, now: datetime
) -> tuple[Receipt, Work]:
    """Check, commit and sum up at once; for what does not come by HTTP."""
    examined = examine(items, source, rules, now)
    stored = keep_carefully(database, examined.rows) if examined.events else []
    return receipt(examined, stored), work_of(stored)


def _row(checked: CheckedEvent, source: str, now: datetime) -> NewEvent:
    return NewEvent(
        source=source,
        external_id=checked.id,
        type=checked.type,
        occurred_at=checked.time,
        received_at=now,
        content_hash=checked.content_hash,
        customer_key=checked.customer_key,
        email_key=checked.email_key,
        payload=checked.payload,
        history=checked.history,
        order_number=checked.order_number,
        request=checked.request,
    )
