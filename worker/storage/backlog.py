"""The backlog: what could be done now and is not done yet, and when the next thing falls due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, literal_column, select

from worker.domain.hits import SETTLING
from worker.domain.messages import MessageState
from worker.storage import journeys
from worker.storage.due import due_work
from worker.storage.flowbook import Catalogue
from worker.storage.ledger import stands
from worker.storage.tables import event, hit, journey, message

MOST = 1_000  # of each kind that are counted; beyond it there is simply much to do

_NEXT_JOURNEY = select(func.min(journey.c.look_at)).where(journeys.WAITING, journey.c.look_at > bindparam("now"))
_NEXT_MESSAGE = select(func.min(message.c.not_before)).where(
    stands(MessageState.QUEUED), message.c.not_before > bindparam("now")
)
_NEXT_OF_FLOW = _NEXT_MESSAGE.where(message.c.flow == bindparam("flow"))
_NEXT_OF_NO_FLOW = _NEXT_MESSAGE.where(message.c.flow.is_(None))
_NEXT_EVENT = select(func.min(event.c.not_before)).where(
    event.c.state == literal_column("'received'"), event.c.not_before > bindparam("now")
)
_NEXT_HIT = select(func.min(hit.c.at)).where(hit.c["class"].is_(None), hit.c.at > bindparam("now"))
_IN_HAND = select(func.count()).select_from(message).where(stands(MessageState.CLAIMED, MessageState.TRANSMITTING))


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is to be done.

    Parameters:
        due: for each kind of work how many rows could be worked on now, counted up to `MOST`.
        in_hand: mails that a sender has taken in hand.
        next_at: the earliest moment after now at which something falls due, or None where nothing is known to.
    """

    due: Mapping[str, int]
    in_hand: int
    next_at: datetime | None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do now."""
        return not self.in_hand and not any(self.due.values())


def backlog(connection: Connection, catalogue: Catalogue, now: datetime) -> Backlog:
    """Return the backlog; each question is a range of an index, and costs the same however much waits."""
    work = due_work(connection, catalogue, now, MOST)
    due = {one.name: len(getattr(work, one.name)) for one in fields(work)}
    in_hand = int(connection.execute(_IN_HAND).scalar_one())
    return Backlog(due, in_hand, _next(connection, catalogue, now))


def _next(connection: Connection, catalogue: Catalogue, now: datetime) -> datetime | None:
    def first(statement: Select[Any], **more: Any) -> datetime | None:
        found: datetime | None = connection.execute(statement, {"now": now, **more}).scalar()
        return found

    moments = [first(_NEXT_JOURNEY), first(_NEXT_EVENT), first(_NEXT_OF_NO_FLOW)]
    if not catalogue.all_held:
        moments += [first(_NEXT_OF_FLOW, flow=name) for name in catalogue.sending]
    unclassed = connection.execute(_NEXT_HIT, {"now": now - SETTLING}).scalar()
    moments.append(None if unclassed is None else unclassed + SETTLING)
    return min((moment for moment in moments if moment is not None), default=None)
