"""How many stand where: mails in the queue and journeys under way, counted from indexes over these rows alone.

They may be millions, and counting them a second; whoever asks again and again asks the less often, the longer it took.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, func, literal_column, select

from worker.domain.messages import MessageState
from worker.storage.figures import Counted
from worker.storage.journeys import WAITING
from worker.storage.ledger import IN_HAND, stands
from worker.storage.tables import event, journey, message, request, task
from worker.storage.tasks import OPEN

_QUEUED = select(func.count(), message.c.flow).where(stands(MessageState.QUEUED)).group_by(message.c.flow)
_IN_HAND = select(func.count(), message.c.state).where(IN_HAND).group_by(message.c.state)
_UNKNOWN = select(func.count()).select_from(message).where(stands(MessageState.UNKNOWN))
_UNDER_WAY = select(func.count(), journey.c.flow).where(WAITING).group_by(journey.c.flow)
_EVENTS = select(func.count()).select_from(event)
_TASKS = select(func.count()).select_from(task).where(OPEN)
_REQUESTS = select(func.count()).select_from(request).where(request.c.closed_at.is_(None))


def messages(connection: Connection, counted: Counted) -> None:
    """Count the mails that are not settled, by state; those in the queue by flow too."""
    counted.now["messages_queued"] = {}
    queued = 0
    for count, flow in connection.execute(_QUEUED):
        counted.put("messages_queued", count, flow=flow)
        queued += count
    states = {MessageState.CLAIMED.value: 0, MessageState.TRANSMITTING.value: 0}
    states |= {state: count for count, state in connection.execute(_IN_HAND)}
    states |= {"queued": queued, "unknown": int(connection.execute(_UNKNOWN).scalar_one())}
    for state, count in states.items():
        counted.put("messages", count, state=state)


def under_way(connection: Connection, counted: Counted) -> None:
    """Count the journeys under way, by flow."""
    counted.now["journeys_waiting"] = {}
    for count, flow in connection.execute(_UNDER_WAY):
        counted.put("journeys_waiting", count, flow=flow)


def events(connection: Connection, counted: Counted) -> None:
    """Count the events that wait to be processed, and those set aside."""
    for state in ("received", "refused"):
        stands_so = event.c.state == literal_column(f"'{state}'")
        counted.put("events", int(connection.execute(_EVENTS.where(stands_so)).scalar_one()), state=state)


def staff(connection: Connection, counted: Counted) -> None:
    """Count what the staff have to do."""
    counted.put("tasks_open", int(connection.execute(_TASKS).scalar_one()))
    counted.put("requests_open", int(connection.execute(_REQUESTS).scalar_one()))


COUNTS: Mapping[str, Callable[[Connection, Counted], None]] = {
    "messages": messages,
    "journeys": under_way,
    "events": events,
    "staff": staff,
}
"""Each count, by a name of its own."""
