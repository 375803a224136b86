"""What happened in a test, read from the rows that the engine and delivery left: the lines of the flow's timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Any

from sqlalchemy import Connection, Row, select

from worker.delivery.staff_mails import SIGN_IN
from worker.delivery.transport import Outgoing
from worker.domain.flow_tests import What
from worker.domain.journeys import TraceKind
from worker.domain.tasks import ReminderKind, text_in
from worker.storage.events import OWN_SOURCE
from worker.storage.tables import coupon, event, event_trace, goal, journey, message, task, trace

_GONE = ("sent", "bounced", "complained", "unknown")
_UNSENT = ("skipped", "cancelled")
_CAME = f":{ReminderKind.CAME.value}:1"  # ends the key of the mail that tells of a new task
_WHY_REFUSED = ("seen", "hours", "limit", "key", "once", "entered", "error")
IN_A_MOMENT = (  # in which order what happens at one time is told
    What.ENTER,
    What.REMINDER,
    What.COUPON,
    What.EMIT,
    What.SEND,
    What.SKIP,
    What.TASK,
    What.GOAL,
    What.HELD,
    What.EXIT,
    What.FAILED,
)

_JOURNEYS = select(journey).order_by(journey.c.id)
_MESSAGES = select(message).where(message.c.template != SIGN_IN).order_by(message.c.id)
_TASKS = select(task).order_by(task.c.id)
_GOALS = (
    select(goal, event.c.type, message.c.step)
    .select_from(goal)
    .join(event, event.c.id == goal.c.event_id)
    .join(message, message.c.id == goal.c.message_id)
)
_COUPONS = select(coupon).where(coupon.c.given_at.is_not(None)).order_by(coupon.c.id)
_HELD = select(trace).where(trace.c.kind == TraceKind.HELD.value).order_by(trace.c.journey_id, trace.c.number)
_EMITTED = select(event).where(event.c.source == OWN_SOURCE, event.c.external_id.like("journey:%")).order_by(event.c.id)
_REFUSED = select(event_trace, event.c.type).select_from(event_trace).join(event, event.c.id == event_trace.c.event_id)


@dataclass(frozen=True, slots=True)
class Seen:
    """A line of the timeline.

    Parameters:
        name: as it is shown; `names`: all by which a test may call it.
        details: what a test may ask of it besides.
        mail: of a mail that went out.
        why: what decided, for whoever did not expect it (JSON, as in a trace).
        untagged: subject of a mail that went out, without the shop's mark of advertising.
    """

    at: datetime
    what: What
    name: str | None
    names: frozenset[str] = frozenset()
    details: Mapping[str, str] = field(default_factory=dict)
    mail: Outgoing | None = None
    why: Sequence[Mapping[str, Any]] = ()
    untagged: str | None = None

    @property
    def text(self) -> str:
        """The mail's bodies, decoded."""
        if self.mail is None:
            return ""
        # by the older policy of the two, which does not read every header word by word
        parts = message_from_bytes(self.mail.content).walk()
        return "\n".join(_decoded(part) for part in parts if part.get_content_maintype() == "text")


def timeline(
    connection: Connection,
    flow: str,
    mails: Mapping[int, Outgoing],
    language: str,
    asked: frozenset[What],
    coupons: Mapping[str, str],
    tag: str = "",
) -> Iterator[Seen]:
    """Yield what happened in the journeys of a flow, in no order.

    Parameters:
        mails: those that went out, by message.
        language: in which tasks are shown.
        asked: what the flow may bring beside mails and exits, so that nothing else is looked for.
        coupons: those that the flow gives, by step.
        tag: mark at the beginning of the subjects of advertising, which a test need not write.
    """
    mine = {row.id: row for row in connection.execute(_JOURNEYS) if row.flow == flow}
    for row in mine.values():
        if row.state == "exited":
            yield _seen(row.ended_at, What.EXIT, row.reason)
        elif row.state == "failed":
            yield _seen(row.ended_at, What.FAILED, row.reason)
    messages = connection.execute(_MESSAGES).all()
    tasks: dict[int, Row[Any]] = {}
    if What.TASK in asked:
        told = {row.task_id: row.staff for row in messages if row.key.endswith(_CAME)}  # whose it was at first
        tasks = {row.id: row for row in connection.execute(_TASKS) if row.journey_id in mine}
        for row in tasks.values():
            details = {"to": told.get(row.id) or row.assignee or ""}
            if row.due_at is not None:
                details["due"] = row.due_at.isoformat()
            names = frozenset((row.step, *row.title.values()))
            yield Seen(row.created_at, What.TASK, text_in(row.title, language), names, details)
    for row in messages:
        if row.task_id in tasks:
            yield from _reminder(row, tasks[row.task_id], language)
        elif row.journey_id in mine:
            yield from _mail(row, mails, tag)
    if What.GOAL in asked:
        for row in connection.execute(_GOALS):
            if row.journey_id in mine:
                yield _seen(row.at, What.GOAL, row.type, send=row.step)
    if What.COUPON in asked:
        for row in connection.execute(_COUPONS):
            if row.journey_id in mine:
                yield _seen(row.given_at, What.COUPON, row.name, code=row.code)
    if What.HELD in asked:
        for row in connection.execute(_HELD):
            if row.journey_id in mine:
                name = coupons.get(row.step, row.step)
                yield Seen(row.at, What.HELD, name, frozenset((name, row.step)), {"reason": row.detail["reason"]})
    if What.EMIT in asked:
        for row in connection.execute(_EMITTED):
            if int(row.external_id.split(":")[1]) in mine:
                data = row.payload.get("data") or {}
                given = {f"with.{name}": str(value) for name, value in data.items()}
                yield Seen(row.occurred_at, What.EMIT, row.type, frozenset((row.type,)), given)


def refused(connection: Connection, flow: str) -> Iterator[Seen]:
    """Yield the events that were offered to a flow and did not enter the customer, with what was seen."""
    for row in connection.execute(_REFUSED):
        for line in row.flows:
            if line["flow"] == flow and "reason" in line:
                seen = line.get("seen") or [{key: line[key]} for key in _WHY_REFUSED if key in line]
                details = {"reason": line["reason"], "event": row.type}
                yield Seen(row.at, What.ENTER, None, details=details, why=seen)


def _mail(row: Row[Any], mails: Mapping[int, Outgoing], tag: str) -> Iterator[Seen]:
    to = {} if row.staff is None else {"to": row.staff}
    names = frozenset((row.step,))
    if row.state in _GONE:
        subject = row.subject or ""
        untagged = subject.removeprefix(f"{tag} ") if tag else subject
        at = row.sent_at or row.transmitting_at
        yield Seen(at, What.SEND, row.step, names, {"subject": subject, **to}, mails.get(row.id), untagged=untagged)
    elif row.state in _UNSENT:
        yield Seen(row.settled_at, What.SKIP, row.step, names, {"reason": row.reason or row.state, **to})
    elif row.state == "failed":
        yield Seen(row.settled_at, What.FAILED, f"{row.step}: {row.reason}")


def _reminder(row: Row[Any], about: Row[Any], language: str) -> Iterator[Seen]:
    """Yield what staff were told of a task, but for its coming, which the line of the task tells."""
    kind = row.key.split(":")[2]
    if row.state in _GONE and kind != ReminderKind.CAME.value:
        names = frozenset((about.step, *about.title.values()))
        details = {"kind": kind, "to": row.staff}
        yield Seen(row.sent_at, What.REMINDER, text_in(about.title, language), names, details)
    elif row.state == "failed":
        yield Seen(row.settled_at, What.FAILED, f"{row.template}: {row.reason}")


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes), "a text has no parts"
    return content.decode(part.get_content_charset("utf-8"), errors="replace")


def _seen(at: datetime, what: What, name: str | None, **details: str) -> Seen:
    return Seen(at, what, name, frozenset(() if name is None else (name,)), details)
