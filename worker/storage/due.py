"""What is due and nobody may have been told of: the sweep's questions, each one range of an index."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, literal_column, or_, select

from worker.domain.work import Work
from worker.storage import claims, journeys, webhooks
from worker.storage.flowbook import Catalogue
from worker.storage.hits import may_class
from worker.storage.tables import event, hit, journey


def due_work(
    connection: Connection, catalogue: Catalogue, now: datetime, limit: int, hinted: timedelta = timedelta(0)
) -> Work:
    """Return at most `limit` ids of each kind that should be worked on now, the oldest first.

    Parameters:
        catalogue: what is published; messages of held flows wait.
        hinted: age up to which events and messages are left out, as the workers were told of them and are at it.
    """
    before = now - hinted
    events = select(event.c.id).where(
        event.c.state == literal_column("'received'"), or_(event.c.not_before.is_(None), event.c.not_before <= now)
    )
    if hinted:  # what seems to come from the future came in before the shop's time was moved back
        events = events.where(or_(event.c.received_at <= before, event.c.received_at > now))
    due = select(journey.c.id).where(journeys.WAITING, journey.c.look_at <= now)
    woken = select(journey.c.id).where(journeys.WAITING, journeys.LOOK_AGAIN, journeys.may_look(now))
    hits = select(hit.c.id).where(may_class(now))
    return Work(
        events=tuple(connection.execute(events.order_by(event.c.id).limit(limit)).scalars()),
        journeys=tuple(
            dict.fromkeys(
                [
                    *connection.execute(woken.order_by(journey.c.id).limit(limit)).scalars(),
                    *connection.execute(due.order_by(journey.c.look_at).limit(limit)).scalars(),
                ]
            )
        ),
        messages=() if catalogue.all_held else tuple(claims.due(connection, catalogue.sending, before, limit)),
        hits=tuple(connection.execute(hits.order_by(hit.c.id).limit(limit)).scalars()),
        webhooks=_webhooks(connection, catalogue, now, limit),
    )


def _webhooks(connection: Connection, catalogue: Catalogue, now: datetime, limit: int) -> tuple[int, ...]:
    if catalogue.all_held or not webhooks.any_queued(connection):
        return ()
    return tuple(webhooks.due(connection, catalogue.sending, now, limit))
