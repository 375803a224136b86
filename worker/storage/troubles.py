"""What went wrong of late: mails that failed, journeys that could not go on, circles of flows, events set aside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, literal_column, select

from worker.domain.addresses import masked
from worker.domain.messages import MessageState
from worker.storage.bounce_mailboxes import listed
from worker.storage.bounces import unread
from worker.storage.circles import stopped
from worker.storage.ledger import stands
from worker.storage.overview import WENT_WRONG
from worker.storage.tables import customer, event, journey, message

OF_LATE = timedelta(days=7)  # what went wrong since then is told
LOOKED_AT = 200  # the newest rows of each kind
_FAILED: ColumnElement[str] = literal_column("'failed'")
_REFUSED: ColumnElement[str] = literal_column("'refused'")


class TroubleKind(StrEnum):
    """What went wrong."""

    MAIL = "mail"  # a message failed
    JOURNEY = "journey"  # a journey could not go on
    EVENT = "event"  # an event was set aside
    CIRCLE = "circle"  # flows start each other in a circle, which was stopped
    REPORT = "report"  # a report of a returned mail that nobody could read
    MAILBOX = "mailbox"  # the mailbox of such reports cannot be read


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong, alike ones gathered.

    Parameters:
        what: the template, the step, the type of event, or the circle (`a → b → a`).
        flow: name of the flow, where there is one.
        reason: as kept; no e-mail address stands in it.
        code: the mail server's reply, where it gave one.
        customer: the shop's own id of the newest one's customer, where it is known.
        at: of the newest.
        times: how many there are, of those looked at.
    """

    kind: TroubleKind
    what: str
    flow: str | None
    reason: str
    code: int | None
    customer: str | None
    at: datetime
    times: int = 1


def troubles(connection: Connection, since: datetime) -> list[Trouble]:
    """Return what went wrong since then, the newest first."""
    found = [*circles(connection, since), *_mails(connection, since), *_journeys(connection, since)]
    found += [*_events(connection, since), *_reports(connection, since)]
    return sorted(found, key=lambda one: one.at, reverse=True)


def circles(connection: Connection, since: datetime) -> list[Trouble]:
    """Return the circles of flows that were stopped since then, the newest first."""
    rows = connection.execute(stopped(since, LOOKED_AT))
    return _gathered(Trouble(TroubleKind.CIRCLE, way, flow, "", None, who, at) for flow, way, at, who in rows)


def _mails(connection: Connection, since: datetime) -> list[Trouble]:
    rows = connection.execute(
        select(message, customer.c.external_id)
        .select_from(message.join(customer, customer.c.id == message.c.customer_id, isouter=True))
        .where(WENT_WRONG, stands(MessageState.FAILED), message.c.settled_at >= since)
        .order_by(message.c.settled_at.desc(), message.c.id.desc())
        .limit(LOOKED_AT)
    )
    return _gathered(_mail(row) for row in rows)


def _mail(row: Row[Any]) -> Trouble:
    reason = " – ".join(part for part in (row.reason, row.answer) if part)
    return Trouble(TroubleKind.MAIL, row.template, row.flow, masked(reason), row.code, row.external_id, row.settled_at)


def _journeys(connection: Connection, since: datetime) -> list[Trouble]:
    rows = connection.execute(
        select(journey.c.flow, journey.c.step, journey.c.reason, journey.c.ended_at, customer.c.external_id)
        .select_from(journey.join(customer, customer.c.id == journey.c.customer_id))
        .where(journey.c.state == _FAILED, journey.c.ended_at >= since)
        .order_by(journey.c.ended_at.desc(), journey.c.id.desc())
        .limit(LOOKED_AT)
    )
    return _gathered(
        Trouble(
            TroubleKind.JOURNEY, row.step or "", row.flow, masked(row.reason or ""), None, row.external_id, row.ended_at
        )
        for row in rows
    )


def _events(connection: Connection, since: datetime) -> list[Trouble]:
    rows = connection.execute(
        select(event.c.type, event.c.reason, event.c.received_at, event.c.customer_key)
        .where(event.c.state == _REFUSED)
        .order_by(event.c.id.desc())
        .limit(LOOKED_AT)
    )
    return _gathered(
        Trouble(
            TroubleKind.EVENT,
            row.type,
            None,
            masked(row.reason or ""),
            None,
            (row.customer_key or "").removeprefix("id:") or None,
            row.received_at,
        )
        for row in rows
        if row.received_at >= since
    )


def _reports(connection: Connection, since: datetime) -> Iterable[Trouble]:
    """Return what nobody could read of mails that came back, and the mailbox that cannot be read just now."""
    told = ((TroubleKind.REPORT, row.source, row.why or "", row.received_at) for row in unread(connection, since))
    found = [*told, *((TroubleKind.MAILBOX, box.name, box.failure or "", box.failed_at) for box in listed(connection))]
    return _gathered(
        Trouble(kind, masked(what), None, masked(why), None, None, at)
        for kind, what, why, at in found
        if at is not None
    )


def _gathered(found: Iterable[Trouble]) -> list[Trouble]:
    """Return one of each that are alike, the newest, with how many there are."""
    alike: dict[tuple[str | None, ...], Trouble] = {}
    times: dict[tuple[str | None, ...], int] = {}
    for one in found:
        key = (one.flow, one.what, str(one.code) if one.code else one.reason)
        alike.setdefault(key, one)
        times[key] = times.get(key, 0) + 1
    return [
        Trouble(one.kind, one.what, one.flow, one.reason, one.code, one.customer, one.at, times[key])
        for key, one in alike.items()
    ]
