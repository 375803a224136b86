"""Processing: received events become facts, exits, goals and entries, in one transaction, in order per customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from worker.domain.errors import UnavailableError
from worker.domain.facts import Facts, Happening
from worker.domain.flows import OnceKind
from worker.domain.journeys import Journey, TraceEntry, TraceKind, exit_event
from worker.domain.matching import listening, match
from worker.domain.settings import Settings
from worker.domain.work import Work
from worker.engine.advancing import Surroundings, go_on, leave
from worker.engine.crediting import credit
from worker.engine.recording import Recorded, record
from worker.storage import customers, facts, journeys, pending, traces
from worker.storage.database import Database
from worker.storage.facts import Asking
from worker.storage.flowbook import Catalogue, FlowBook, Version
from worker.storage.pending import PendingEvent

_log = structlog.get_logger(__name__)

TRIES = 5  # after so many an event that cannot be processed is set aside
_RETRY = timedelta(minutes=1)


class Processing:
    """Takes received events in.

    Parameters:
        flowbook: the published flows.
    """

    def __init__(self, database: Database, flowbook: FlowBook, settings: Settings) -> None:
        self._database = database
        self._flowbook = flowbook
        self._around = Surroundings.of(settings)
        self._starts_within = timedelta(seconds=settings.intake.starts_within)

    def run(self, event_ids: Sequence[int], now: datetime) -> Work:
        """Process these events and all that wait of the same customers; an event that fails harms only itself.

        Returns:
            The messages that came of it.
        """
        try:
            with self._database.writing() as connection:
                return self._all(connection, pending.take(connection, event_ids, now), now)
        except UnavailableError:
            raise
        except Exception:
            _log.warning("events are taken one by one, one of them fails", events=len(event_ids), exc_info=True)
        return sum((self._alone(event_id, now) for event_id in event_ids), Work())

    def _alone(self, event_id: int, now: datetime) -> Work:
        """Process what waits of the event's customer one at a time, up to the event itself."""
        messages: list[int] = []
        while True:
            current = event_id
            try:
                with self._database.writing() as connection:
                    waiting = pending.take(connection, [event_id], now)
                    if not waiting or waiting[0].id > event_id:
                        return Work(messages=tuple(messages))
                    current = waiting[0].id
                    messages += self._all(connection, waiting[:1], now).messages
            except UnavailableError:
                raise
            except Exception as error:
                self._put_off(current, error, now)

    def _put_off(self, event_id: int, error: Exception, now: datetime) -> None:
        with self._database.writing() as connection:
            aside = pending.put_off(connection, event_id, f"{type(error).__name__}: {error}", now + _RETRY, TRIES)
        _log.error("an event cannot be processed", event_id=event_id, set_aside=aside, exc_info=error)

    def _all(self, connection: Connection, events: Sequence[PendingEvent], now: datetime) -> Work:
        if not events:
            return Work()
        numbers = [event.order["number"] for event in events if event.order]
        customers.hold(connection, [key for event in events for key in event.keys], numbers)
        catalogue = self._flowbook.follow(connection)
        messages: list[int] = []
        for event in events:
            messages += self._one(connection, catalogue, event, now)
        return Work(messages=tuple(messages))

    def _one(self, connection: Connection, catalogue: Catalogue, event: PendingEvent, now: datetime) -> list[int]:
        recorded = record(connection, event, self._around.shop.currency, now)
        if event.history:
            return []
        number = recorded.order.number if recorded.order else None
        happening = Happening(event.type, event.at, number, event.request, event.data)
        credit(connection, self._flowbook, self._around, catalogue, event, recorded, happening, now)
        messages = self._tell_journeys(connection, recorded, happening, now)
        return messages + self._enter(connection, catalogue, event, recorded, happening, now)

    def _tell_journeys(
        self, connection: Connection, recorded: Recorded, happening: Happening, now: datetime
    ) -> list[int]:
        """End the journeys that this event ends; the others look again at what they wait for."""
        messages: list[int] = []
        customer = recorded.customer
        waiting = journeys.under_way(connection, customer.id)
        versions = {one.id: self._flowbook.version(connection, one.version_id) for one in waiting}
        asking = [(one, customer, version.needs) for one in waiting if (version := versions[one.id]) is not None]
        known = facts.for_journeys(connection, asking, self._around.shop, now) if asking else {}
        for journey in waiting:
            version = versions[journey.id]
            if version is None:
                continue
            of_event = replace(known[journey.id], event=happening, order=recorded.order or known[journey.id].order)
            fired = exit_event(version.route, journey, of_event, self._around.reading)
            if fired is not None:
                leave(connection, journey, fired[0], fired[1], now)
            else:
                messages += go_on(connection, self._around, version, journey, known[journey.id])
        return messages

    def _enter(
        self,
        connection: Connection,
        catalogue: Catalogue,
        event: PendingEvent,
        recorded: Recorded,
        happening: Happening,
        now: datetime,
    ) -> list[int]:
        """Enter the flows that listen, and keep what each of them said."""
        messages: list[int] = []
        said: list[dict[str, Any]] = []
        for version in catalogue.listening.get(event.type, ()):
            asking = Asking(recorded.customer, version.needs, recorded.order, happening)
            known = facts.load(connection, asking, self._around.shop, now)
            entered, line = self._offer(connection, version, event, known, now)
            said.append({"flow": version.flow.name, "version": version.number, **line})
            if entered is not None:
                begun = facts.load(connection, replace(asking, journey=entered), self._around.shop, now)
                messages += go_on(connection, self._around, version, entered, begun)
        if said:
            traces.of_event(connection, event.id, recorded.customer.id, said, now)
        return messages

    def _offer(
        self, connection: Connection, version: Version, event: PendingEvent, known: Facts, now: datetime
    ) -> tuple[Journey | None, dict[str, Any]]:
        """Enter the customer where the flow takes them; returns the journey and a line for the event's trace."""
        flow, happening = version.flow, known.event
        trigger = listening(flow, event.type)
        assert trigger is not None and happening is not None
        by_span = flow.once.kind is OnceKind.SPAN
        last = journeys.last_entry(connection, known.customer.id, flow.name) if by_span else None
        zone = self._around.zone_of(known.customer)
        found = match(flow, trigger, event.id, known, self._around.reading, zone, self._starts_within, last)
        if found.once_key is None:
            return None, {"reason": found.reason, **found.detail}
        entered = journeys.enter(
            connection,
            flow=flow.name,
            version_id=version.id,
            customer_id=known.customer.id,
            once_key=found.once_key,
            now=now,
            event_id=event.id,
            order_number=happening.order_number,
            request=happening.request,
        )
        if entered is None:
            return None, {"reason": "once", "key": found.once_key}
        detail = {"event": event.type, "order": happening.order_number, **found.detail}
        traces.append(connection, entered.id, [TraceEntry(TraceKind.ENTERED, None, detail)], now)
        return entered, {"journey": entered.id}
