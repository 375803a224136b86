"""The backlog: what could be done now and is not done yet, and when the next thing falls due.

Segments and the staff's morning digests are kept beside all this, and are not part of it: no event waits for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, literal_column, select

from worker.domain.calendars.occurrences import LATEST, Seasons, next_of, turns
from worker.domain.hits import SETTLING
from worker.domain.messages import MessageState
from worker.storage import audience, journeys, occurrences, reminders
from worker.storage.due import due_work
from worker.storage.flowbook import Catalogue
from worker.storage.ledger import stands
from worker.storage.tables import event, hit, journey, message, occurrence, task_reminder

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
_NEXT_REMINDER = select(func.min(task_reminder.c.due_at)).where(
    task_reminder.c.settled_at.is_(None), task_reminder.c.due_at > bindparam("now")
)
_LATELY = select(occurrence.c.flow, occurrence.c.trigger, occurrence.c.zone, occurrence.c.turn).where(
    occurrence.c.moment > bindparam("since")
)
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


class Backlogs:
    """Tells the backlog again and again.

    Parameters:
        zone: the shop's, IANA name.
        seasons: returns the shop's seasons as they are known now.
    """

    def __init__(self, zone: str, seasons: Callable[[], Seasons]) -> None:
        self._zone = zone
        self._seasons = seasons
        self._coming = _Coming(-1, {})

    def ask(self, connection: Connection, catalogue: Catalogue, now: datetime) -> Backlog:
        """Return the backlog; each question is a range of an index, and costs the same however much waits."""
        work = due_work(connection, catalogue, now, MOST)
        come, coming = self._turns(connection, catalogue, now)
        due = {one.name: len(getattr(work, one.name)) for one in fields(work)}
        due |= {"turns": come, "reminders": len(reminders.due(connection, now, MOST))}
        in_hand = int(connection.execute(_IN_HAND).scalar_one())
        moments = [moment for moment in (_next(connection, catalogue, now), coming) if moment is not None]
        return Backlog(due, in_hand, min(moments, default=None))

    def _turns(self, connection: Connection, catalogue: Catalogue, now: datetime) -> tuple[int, datetime | None]:
        """Return how many turns of the clock's triggers have come and are not done, and when the next one comes."""
        timed = {(version.flow.name, str(trigger)): trigger for version, trigger in catalogue.timed}
        if not timed:
            return 0, None
        since, zones, seasons = occurrences.starts(connection), occurrences.zones(connection), self._seasons()
        if (self._coming.catalogue, self._coming.seasons) != (catalogue.number, seasons):
            self._coming = _Coming(catalogue.number, dict(seasons))
        come: set[tuple[str, str, str, str]] = set()
        moments: list[datetime] = []
        for key, trigger in timed.items():
            for group in audience.groups(trigger, zones) if key in since else ():
                wall = audience.wall_of(group, self._zone)
                after = max(since[key], now - LATEST)
                if after < now:
                    come |= {(*key, group, turn.name) for turn in turns(trigger, wall, after, now, seasons)}
                next_at = self._coming.get((*key, group), now)
                if next_at is _ASK:
                    turn = next_of(trigger, wall, now, seasons)
                    next_at = self._coming.put((*key, group), now, None if turn is None else turn.moment)
                if isinstance(next_at, datetime):
                    moments.append(next_at)
        written = {
            (row.flow, row.trigger, row.zone, row.turn) for row in connection.execute(_LATELY, {"since": now - LATEST})
        }
        open_now = sum((one.flow, one.trigger) in timed for one in occurrences.under_way(connection))
        return len(come - written) + open_now, min(moments, default=None)


_ASK = object()


class _Coming:
    """The next turn of each trigger and group, as long as it holds: looking a season up takes milliseconds."""

    def __init__(self, catalogue: int, seasons: Seasons) -> None:
        self.catalogue = catalogue
        self.seasons = seasons
        self._known: dict[tuple[str, str, str], tuple[datetime, datetime | None]] = {}

    def get(self, key: tuple[str, str, str], now: datetime) -> object:
        """Return the next turn after now, None where none comes, `_ASK` where it is not known."""
        asked_at, next_at = self._known.get(key, (now, now))
        stale = now < asked_at or (next_at is not None and next_at <= now) or key not in self._known
        return _ASK if stale or (next_at is None and now - asked_at > LATEST) else next_at

    def put(self, key: tuple[str, str, str], now: datetime, next_at: datetime | None) -> datetime | None:
        """Note the next turn."""
        self._known[key] = (now, next_at)
        return next_at


def _next(connection: Connection, catalogue: Catalogue, now: datetime) -> datetime | None:
    def first(statement: Select[Any], **more: Any) -> datetime | None:
        found: datetime | None = connection.execute(statement, {"now": now, **more}).scalar()
        return found

    moments = [first(_NEXT_JOURNEY), first(_NEXT_EVENT), first(_NEXT_OF_NO_FLOW), first(_NEXT_REMINDER)]
    if not catalogue.all_held:
        moments += [first(_NEXT_OF_FLOW, flow=name) for name in catalogue.sending]
    unclassed = connection.execute(_NEXT_HIT, {"now": now - SETTLING}).scalar()
    moments.append(None if unclassed is None else unclassed + SETTLING)
    return min((moment for moment in moments if moment is not None), default=None)
