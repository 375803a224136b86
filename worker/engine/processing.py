"""Processing: received events become facts, exits, goals and entries, in one transaction, in order per customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from worker.domain.chance import BY_HASH, Chance
from worker.domain.errors import UnavailableError
from worker.domain.event_check import EventRules
from worker.domain.exits import exit_event
from worker.domain.facts import Happening
from worker.domain.journeys import Journey
from worker.domain.moved_dates import moved_dates
from worker.domain.pseudonyms import NO_KEYS, Pseudonyms
from worker.domain.settings import Settings
from worker.domain.staff import StaffOf, nobody
from worker.domain.work import Work
from worker.engine.advancing import go_on, leave
from worker.engine.attributing import attribute
from worker.engine.cases import tell_case
from worker.engine.closing import ClosingByItself
from worker.engine.consenting import ConsentRules
from worker.engine.crediting import credit
from worker.engine.entering import Occasion, enter
from worker.engine.failing import RETRY, TRIES, apart, each_for_itself, is_ours, set_back, transact
from worker.engine.in_hand import NOTHING_KEPT, InHand, Kind
from worker.engine.recording import Recorded, record
from worker.engine.redeeming import redeem
from worker.engine.reporting import report
from worker.engine.rush import NO_RUSH, Precedence
from worker.engine.surroundings import Surroundings
from worker.engine.withdrawing import withdraw
from worker.engine.writing_fields import tell_of
from worker.storage import customers, facts, journeys, membership, occurrences, pending, write_behind
from worker.storage.database import Database, told
from worker.storage.flowbook import Catalogue, FlowBook
from worker.storage.gathered import Gathered, Has
from worker.storage.pending import PendingEvent

TOGETHER = 25  # events in one transaction: more cost little less each, and all their mails wait for the last
# Events that are taken at a time at least, once others wait to write; as many as there was time for before.
PRESSED = 5

_log = structlog.get_logger(__name__)


class Processing:
    """Takes received events in.

    Parameters:
        flowbook: the published flows.
        staff: returns the staff as it is now.
        chance: says what falls to whom, of splits and holdouts.
        pseudonyms: by which somebody is known again who was erased.
        hands: where it is noted what this process has in hand.
        precedence: makes way for whoever takes many events in.
    """

    def __init__(
        self,
        database: Database,
        flowbook: FlowBook,
        settings: Settings,
        staff: StaffOf = nobody,
        chance: Chance = BY_HASH,
        pseudonyms: Pseudonyms = NO_KEYS,
        hands: InHand = NOTHING_KEPT,
        precedence: Precedence = NO_RUSH,
    ) -> None:
        self._hands = hands
        self._precedence = precedence
        self._database = database
        self._flowbook = flowbook
        self._around = Surroundings.of(settings, flowbook.segments, staff, chance)
        self._rules = EventRules.of(settings)
        self._pseudonyms = pseudonyms
        self._consent = ConsentRules.of(settings.policy)
        self._closing = ClosingByItself(flowbook, self._around, self._rules)
        self._solve_within = timedelta(hours=settings.support.solve_within)
        self._starts_within = timedelta(seconds=settings.intake.starts_within)

    def run(self, event_ids: Sequence[int], now: datetime) -> Work:
        """Process these events and all that wait of the same customers; an event that fails harms only itself.

        Returns:
            The messages that came of it, and the journeys that are to look again.
        """
        work, left, most = Work(), list(event_ids), TOGETHER
        try:
            while left:
                part, rest = left[:most], list[int]()
                together = partial(transact, self._database, partial(self._together, part, rest, now))
                with self._precedence.processing():
                    work += each_for_itself(part, together, partial(self._alone, now))
                left = [*rest, *left[most:]]
                most = max(PRESSED, len(part) - len(rest)) if rest else most
            return work
        finally:
            self._hands.free()

    def _together(
        self, event_ids: Sequence[int], rest: list[int], now: datetime, connection: Connection
    ) -> Work | None:
        """Process what waits at once; None where something of it failed, or cost a process its life, before.

        Parameters:
            rest: filled with the numbers of what is left to another transaction, as others wait for this one.
        """
        rest.clear()
        taken = pending.take(connection, event_ids, now)
        if len(taken) > 1 and any(event.attempts for event in taken):
            return None
        with write_behind.gathering(connection) as mails:
            work = self._all(connection, taken, now, rest, careful=False)
        return work + Work(messages=tuple(mails))

    def _alone(self, now: datetime, event_id: int) -> Work:
        """Process what waits of the event's customer one at a time, up to the event itself."""
        done = Work()
        while True:
            current = [event_id]
            try:
                work = transact(self._database, partial(self._first, event_id, current, now))
            except UnavailableError:
                raise
            except Exception as error:
                if not is_ours(error):
                    _log.warning("an event has to wait", event_id=current[-1], exc_info=True)
                    return done
                self._put_off(current[-1], error, now)
                continue
            if work is None:
                return done
            done += work

    def _first(self, event_id: int, current: list[int], now: datetime, connection: Connection) -> Work | None:
        """Process the first that waits, and note its number; None where nothing waits up to the event."""
        waiting = pending.take(connection, [event_id], now, 1)
        if not waiting or waiting[0].id > event_id:
            return None
        current.append(waiting[0].id)
        return self._all(connection, waiting, now, [], careful=True)

    def _put_off(self, event_id: int, error: Exception, now: datetime) -> None:
        with self._database.writing() as connection:
            aside = pending.put_off(connection, event_id, told(error), now + RETRY, TRIES)
        _log.error("an event cannot be processed", event_id=event_id, set_aside=aside, exc_info=error)

    def _all(
        self, connection: Connection, events: Sequence[PendingEvent], now: datetime, rest: list[int], *, careful: bool
    ) -> Work:
        if not events:
            return Work()
        self._hands.hold(Kind.EVENTS, [event.id for event in events])
        numbers = [event.order_number for event in events if event.order_number]
        held = customers.hold(connection, [key for event in events for key in event.keys], numbers)
        catalogue = self._flowbook.follow(connection)
        gathered = Gathered(connection, events)
        work, of_the_past = Work(), set()
        for place, event in enumerate(events):
            if place and self._database.pressed():
                rest += [one.id for one in events[place:]]
                events = events[:place]
                break
            currency = self._around.shop.currency
            recorded = record(connection, event, gathered, currency, now, self._consent, self._pseudonyms)
            if recorded is None:
                gathered.touch(keys=event.keys)
                continue  # of somebody's time before they were erased
            has = gathered.has(recorded.customer.id, new=recorded.before is None)
            gathered.touch((recorded.before, recorded.customer), keys=event.keys)
            work += Work(messages=recorded.mails)
            if recorded.asked is not None:
                work += self._ask_to_confirm(connection, event, recorded, recorded.asked, now)
            if recorded.order is not None and recorded.order.coupon:
                work += redeem(connection, self._rules, recorded.order, now, history=event.history)
            apart(
                connection,
                careful,
                partial(attribute, connection, self._around.crediting, event, recorded),
                partial(_not_credited, event),
            )
            request = tell_case(connection, event, recorded, self._solve_within)
            if event.history:  # it starts and ends nothing; what the facts are now, journeys see when they look again
                of_the_past.add(recorded.customer.id)
            else:
                ours = recorded.before is None or held is None or recorded.customer.id in held
                occasion = Occasion(
                    event.id,
                    recorded,
                    _happening(event, recorded, request),
                    now,
                    careful,
                    event.chain,
                    has,
                    held=ours and Has.JOURNEYS not in has,  # no journey of theirs may have written to them since
                )
                work += self._tell_flows(connection, catalogue, event, occasion)
        if of_the_past:
            work += Work(journeys=tuple(journeys.wake_of(connection, sorted(of_the_past))))
        if catalogue.kept:
            membership.mark_of_events(connection, [event.id for event in events])
        return tell_of(connection, work)

    def _ask_to_confirm(
        self, connection: Connection, event: PendingEvent, recorded: Recorded, line: int, now: datetime
    ) -> Work:
        """Report that a yes waits for its confirmation: a flow asks for it."""
        said = event.customer.get("consent") or {}
        data = {"source": said.get("source") or event.type}
        kind = "subscription.requested"
        return Work(events=report(connection, self._rules, f"asked:{line}", kind, recorded.customer, data, now))

    def _tell_flows(
        self, connection: Connection, catalogue: Catalogue, event: PendingEvent, occasion: Occasion
    ) -> Work:
        """Tell goals, tasks, journeys and flows of an event that was recorded."""
        recorded, now, careful = occasion.recorded, occasion.now, occasion.careful
        moved = catalogue.dates and moved_dates(recorded.before, recorded.customer) & catalogue.dates
        if moved:
            occurrences.mark(connection, recorded.customer.id, sorted(moved))
        crediting = partial(
            credit,
            connection,
            self._flowbook,
            self._around,
            catalogue,
            event,
            recorded,
            occasion.happening,
            now,
            occasion.has,
        )
        apart(connection, careful, crediting, partial(_not_credited, event))
        withdraw(connection, self._flowbook, self._around, occasion)
        closed = self._closing.at_event(connection, occasion)
        told = self._tell_journeys(connection, occasion)
        return closed + told + enter(connection, self._around, catalogue, occasion, self._starts_within)

    def _tell_journeys(self, connection: Connection, occasion: Occasion) -> Work:
        """End the journeys that this event ends; the others look again at what they wait for."""
        if Has.JOURNEYS not in occasion.has:
            return Work()
        waiting = journeys.under_way(connection, occasion.recorded.customer.id)
        if not occasion.careful:
            return self._tell(connection, occasion, waiting)
        work = Work()
        for one in waiting:
            tell = partial(self._tell, connection, occasion, [one])
            work += apart(connection, True, tell, partial(set_back, connection, one.id, occasion.now))
        return work

    def _tell(self, connection: Connection, occasion: Occasion, waiting: Sequence[Journey]) -> Work:
        customer, order = occasion.recorded.customer, occasion.recorded.order
        versions = {one.id: self._flowbook.version(connection, one.version_id) for one in waiting}
        asking = [(one, customer, version.needs) for one in waiting if (version := versions[one.id]) is not None]
        known = facts.for_journeys(connection, asking, self._around.shop, occasion.now) if asking else {}
        work = Work()
        for journey in waiting:
            version = versions[journey.id]
            if version is None:
                continue  # it waits for a Phin that can read it
            of_event = replace(known[journey.id], event=occasion.happening, order=order or known[journey.id].order)
            fired = exit_event(version.route, journey, of_event, self._around.reading)
            if fired is not None:
                leave(connection, journey, fired[0], fired[1], occasion.now)
            else:
                work += go_on(connection, self._around, version, journey, known[journey.id]) or Work()
        return work


def _happening(event: PendingEvent, recorded: Recorded, request: str | None) -> Happening:
    number = recorded.order.number if recorded.order else None
    return Happening(event.type, event.at, number, request, event.data, event.received_at)


def _not_credited(event: PendingEvent, error: Exception) -> None:
    _log.error("what an event brought cannot be credited", event_id=event.id, exc_info=error)
