"""What is due and nobody may have been told of: the sweep's questions, each one range of an index."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, literal_column, or_, select

from worker.domain.work import Work
from worker.storage import claims, hits, journeys, webhooks
from worker.storage.flowbook import Catalogue
from worker.storage.tables import event

_EVENTS = (
    select(event.c.id)
    .where(
        event.c.state == literal_column("'received'"),
        or_(event.c.not_before.is_(None), event.c.not_before <= bindparam("now")),
    )
    .order_by(event.c.id)
    .limit(bindparam("most"))
)
# what seems to come from the future came in before the shop's time was moved back
_EVENTS_NOT_TOLD_OF = _EVENTS.where(
    or_(event.c.received_at <= bindparam("before"), event.c.received_at > bindparam("now"))
)


JOURNEYS = 3  # times as many journeys as of all else: a campaign has everybody's due at once, and they go by the batch


def due_work(
    connection: Connection, catalogue: Catalogue, now: datetime, limit: int, hinted: timedelta = timedelta(0)
) -> Work:
    """Return at most `limit` ids of each kind that should be worked on now, of journeys more, the oldest first.

    Parameters:
        catalogue: what is published; messages of held flows wait.
        hinted: age up to which events and messages are left out, as the workers were told of them and are at it.
    """
    before = now - hinted
    return Work(
        events=_events(connection, now, limit, before if hinted else None),
        journeys=journeys.due(connection, now, JOURNEYS * limit),
        messages=() if catalogue.all_held else tuple(claims.due(connection, catalogue.sending, before, limit)),
        hits=tuple(hits.due(connection, now, limit)),
        webhooks=_webhooks(connection, catalogue, now, limit),
    )


def _events(connection: Connection, now: datetime, most: int, before: datetime | None) -> tuple[int, ...]:
    asked = {"now": now, "most": most}
    if before is None:
        return tuple(connection.execute(_EVENTS, asked).scalars())
    return tuple(connection.execute(_EVENTS_NOT_TOLD_OF, {**asked, "before": before}).scalars())


def _webhooks(connection: Connection, catalogue: Catalogue, now: datetime, limit: int) -> tuple[int, ...]:
    if catalogue.all_held or not webhooks.any_queued(connection):
        return ()
    return tuple(webhooks.due(connection, catalogue.sending, now, limit))
