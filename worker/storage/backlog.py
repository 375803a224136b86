"""The backlog: what could be done now and is not done yet, and when the next thing falls due.

Segments and the staff's morning digests are kept beside all this, and are not part of it: no event waits for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, or_, select

from worker.domain.calendars.occurrences import LATEST, Seasons, next_of, turns
from worker.domain.messages import MessageState
from worker.storage import audience, claims, journeys, occurrences, reminders, webhooks
from worker.storage.flowbook import Catalogue
from worker.storage.hits import may_class
from worker.storage.ledger import IN_HAND, stands
from worker.storage.tables import event, hit, journey, message, occurrence, task_reminder

MOST = 1_000  # of each kind that are counted; beyond it there is simply much to do

_RECEIVED = event.c.state == literal_column("'received'")
_EVENTS = _RECEIVED & or_(event.c.not_before.is_(None), event.c.not_before <= bindparam("now"))
_DUE = journeys.WAITING & (journey.c.look_at <= bindparam("now"))
_WOKEN = journeys.WAITING & journeys.LOOK_AGAIN & or_(journey.c.attempts == 0, journey.c.look_at <= bindparam("now"))
_LATELY = select(occurrence.c.flow, occurrence.c.trigger, occurrence.c.zone, occurrence.c.turn).where(
    occurrence.c.moment > bindparam("since")
)
_ANY_QUEUED = select(message.c.id).where(stands(MessageState.QUEUED)).limit(1)
_NEXT_MESSAGE = select(func.min(message.c.not_before)).where(
    stands(MessageState.QUEUED), message.c.not_before > bindparam("now")
)
_NEXT_OF_FLOW = _NEXT_MESSAGE.where(message.c.flow == bindparam("flow"))
_NEXT_OF_NO_FLOW = _NEXT_MESSAGE.where(message.c.flow.is_(None))
_NEXT = (
    select(func.min(journey.c.look_at)).where(journeys.WAITING, journey.c.look_at > bindparam("now")),
    select(func.min(event.c.not_before)).where(_RECEIVED, event.c.not_before > bindparam("now")),
    select(func.min(task_reminder.c.due_at)).where(
        task_reminder.c.settled_at.is_(None), task_reminder.c.due_at > bindparam("now")
    ),
)


def _count(column: ColumnElement[int], condition: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(select(column).where(condition).limit(MOST).subquery())


_COUNTS = {
    "events": _count(event.c.id, _EVENTS),
    "journeys": _count(journey.c.id, _DUE),
    "woken": _count(journey.c.id, _WOKEN),
    "in hand": _count(message.c.id, IN_HAND),
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is to be done.

    Parameters:
        due: for each kind of work how many rows could be worked on now, counted up to `MOST`.
        in_hand: mails that a sender has taken in hand.
        next_at: the earliest moment after now at which something falls due; None where nothing is known to, and while
            there is something to do now.
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
        counts = {kind: int(connection.execute(count, {"now": now}).scalar_one()) for kind, count in _COUNTS.items()}
        in_hand = counts.pop("in hand")
        counts["journeys"] = min(MOST, counts["journeys"] + counts.pop("woken"))
        counts["hits"] = int(connection.execute(_count(hit.c.id, may_class(now))).scalar_one())
        queued = not catalogue.all_held and connection.execute(_ANY_QUEUED).first() is not None
        counts["messages"] = len(claims.due(connection, catalogue.sending, now, MOST)) if queued else 0
        calling = not catalogue.all_held and webhooks.any_queued(connection)
        counts["webhooks"] = len(webhooks.due(connection, catalogue.sending, now, MOST)) if calling else 0
        counts["reminders"] = len(reminders.due(connection, now, MOST))
        counts["turns"], coming = self._turns(connection, catalogue, now)
        if in_hand or any(counts.values()):
            return Backlog(counts, in_hand, None)
        moments = [coming, *(connection.execute(next_of_kind, {"now": now}).scalar() for next_of_kind in _NEXT)]
        if queued:
            moments.append(connection.execute(_NEXT_OF_NO_FLOW, {"now": now}).scalar())
            moments += [
                connection.execute(_NEXT_OF_FLOW, {"now": now, "flow": name}).scalar() for name in catalogue.sending
            ]
        if calling:
            moments.append(webhooks.next_due(connection, catalogue.sending, now))
        return Backlog(counts, in_hand, min((moment for moment in moments if moment is not None), default=None))

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
