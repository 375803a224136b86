"""The sending rules, asked with fresh facts in the transaction that marks a group: within a second of sending."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from worker.delivery.pacing import GroupPace, Ranks
from worker.delivery.preparing import Prepared, Preparing
from worker.domain.conditions.tree import Expression
from worker.domain.conditions.values import Reading, needs
from worker.domain.customers import Customer
from worker.domain.exits import exit_condition
from worker.domain.facts import Needs
from worker.domain.journeys import Journey
from worker.domain.light import light
from worker.domain.messages import Kind, MessageState
from worker.domain.pacing import Waits
from worker.domain.policy import Pending, PendingStaff, SkipReason, may_follow, skip, skip_staff
from worker.domain.setting_law import Policy
from worker.domain.steps import Send
from worker.domain.tasks import Task
from worker.domain.wishes import Wishes
from worker.domain.zones import zone_of
from worker.storage import customers, facts, journeys, ledger, tasks
from worker.storage.database import told
from worker.storage.flowbook import Catalogue, FlowBook, Version
from worker.storage.ledger import Settlement

_log = structlog.get_logger(__name__)

_LONGEST_REASON = 500  # characters


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of a group.

    Parameters:
        going: what may go now.
        stays: what becomes of the others: skipped with the reason, back to the queue, failed where it cannot be ruled.
        exited: waiting journeys whose exit was found here; the engine ends them.
    """

    going: tuple[Prepared, ...] = ()
    stays: tuple[Settlement, ...] = ()
    exited: tuple[int, ...] = ()

    def __add__(self, other: Ruling) -> Ruling:
        return Ruling(self.going + other.going, self.stays + other.stays, self.exited + other.exited)


@light
@dataclass(frozen=True, slots=True)
class _Fresh:
    """What is known of a message now; much may have changed since its mail was made.

    Parameters:
        customer: whose the message is now; None for one to staff.
        exit_rule: text of an exit condition of its journey that holds now, or None.
        unmet: text of its step's `when`, where that does not hold now, or None.
        task: that a mail to staff is about.
        topic: of its flow, in the version that its journey is on.
    """

    customer: Customer | None
    journey: Journey | None
    exit_rule: str | None
    unmet: str | None = None
    task: Task | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class _Stay:
    """Why a message does not go now: its state then, and where it waits, until when."""

    state: MessageState
    reason: str
    not_before: datetime | None = None


class Rules:
    """Asks the policy for each message of a group.

    Parameters:
        preparing: knows the shop as exit conditions see it, and what it read for the mails.
        policy: consent, quiet hours, holidays and caps of advertising.
    """

    def __init__(self, flowbook: FlowBook, preparing: Preparing, policy: Policy) -> None:
        self._policy = policy
        self._customers, self._journeys = preparing.customers, preparing.journeys
        self._needs: dict[tuple[int, str | None], Needs | None] = {}  # by version and step
        self._closed = policy.closed
        self._caps = policy.caps
        self._ranked: tuple[Catalogue | None, Ranks] = (None, Ranks({}, frozenset()))
        self._flowbook = flowbook
        self._shop = preparing.shop_facts
        self._reading = Reading(flowbook.segments)

    def ask(self, connection: Connection, group: Sequence[Prepared], now: datetime) -> Ruling:
        """Decide for each message with what this transaction sees; one that cannot be decided fails alone.

        Raises:
            DBAPIError: the database failed, and with it the transaction.
        """
        try:
            return self._ask(connection, group, now)
        except DBAPIError:
            raise
        except Exception as error:
            if len(group) > 1:
                return sum((self.ask(connection, [prepared], now) for prepared in group), Ruling())
            (number,) = (prepared.loaded.message.id for prepared in group)
            _log.error("the rules fail for a message", message=number, exc_info=True)
            return Ruling(stays=(Settlement(number, MessageState.FAILED, now, told(error)),))

    def listeners(self, connection: Connection, handed_over: Sequence[int]) -> tuple[int, ...]:
        """Wake the waiting journeys of these messages whose wait asks about mails, and return them."""
        if not handed_over:
            return ()
        waiting = journeys.waiting_of_messages(connection, handed_over)
        versions = {version_id: self._flowbook.version(connection, version_id) for _, version_id in waiting}
        asking = [number for number, of in waiting if (version := versions[of]) and version.asks_for_mails]
        return tuple(journeys.wake(connection, asking)) if asking else ()

    def _ask(self, connection: Connection, group: Sequence[Prepared], now: datetime) -> Ruling:
        catalogue = self._flowbook.follow(connection)
        known = self._known(connection, group, now)
        if self._ranked[0] is not catalogue:
            self._ranked = (catalogue, Ranks.of(catalogue))
        ranks = self._ranked[1]
        pacing = GroupPace(self._closed, self._caps, ranks, now).look(connection, group, _seldom(known.values()))
        going: list[Prepared] = []
        stays: list[Settlement] = []
        exited: list[int] = []
        for prepared in ranks.in_order(group):
            number = prepared.loaded.message.id
            fresh = known[number]
            stay = self._stay(prepared, fresh, catalogue, now) or self._paced(prepared, fresh, pacing)
            if stay is None or stay.state is not MessageState.QUEUED:
                pacing.decided.add(number)
            if stay is None:
                going.append(prepared)
                continue
            waits = stay.state is MessageState.QUEUED
            stays.append(Settlement(number, stay.state, now, stay.reason, not_before=stay.not_before, forgive=waits))
            if fresh.journey is not None and fresh.exit_rule is not None:
                exited.append(fresh.journey.id)
        woken = journeys.wake(connection, exited) if exited else []
        return Ruling(tuple(going), tuple(stays), tuple(woken))

    def _stay(self, prepared: Prepared, fresh: _Fresh, catalogue: Catalogue, now: datetime) -> _Stay | None:
        """Return why a message does not go now, and its state then; None where it may go."""
        message, customer = prepared.loaded.message, fresh.customer
        withdrawn = fresh.journey is not None and fresh.journey.withdrawn
        left, unmet = fresh.exit_rule, fresh.unmet
        if customer is None:
            pending = PendingStaff(message.staff or "", fresh.task, message.expires_at, withdrawn, left, unmet)
            reason = skip_staff(pending, now)
        else:
            of = fresh.journey.id if fresh.journey is not None else None
            asked = Pending(message.kind, customer, message.expires_at, withdrawn, left, of, unmet, fresh.topic)
            reason = skip(asked, now, opt_out=self._policy.opt_out)
        if reason is SkipReason.CONDITION:
            return _Stay(MessageState.SKIPPED, f"{reason.value}: {unmet}"[:_LONGEST_REASON])
        if reason is not None:
            return _Stay(MessageState.SKIPPED, reason.value)
        if catalogue.all_held or message.flow in catalogue.held:
            return _Stay(MessageState.QUEUED, "paused")
        if customer is None:
            return None
        # a mail that was made plain may stay so, whatever was agreed to since
        followed = prepared.marked.tracked and not may_follow(customer.consent, asks=self._policy.tracking_consent)
        if customer.email != prepared.outgoing.recipient or followed:
            return _Stay(MessageState.QUEUED, "changed meanwhile")  # made anew with what is known now
        return None

    def _needs_of(self, version: Version, step: str | None) -> Needs | None:
        """Return what of the past the conditions need that are asked before a step's mail goes; None: none is asked."""
        key = (version.id, step)
        if key not in self._needs:
            asked = [rule.when for rule in version.flow.exits if rule.event is None and rule.when is not None]
            when = _when(version, step)
            asked += [] if when is None else [when]
            self._needs[key] = Needs().union(*(needs(one.tree) for one in asked)) if asked else None
        return self._needs[key]

    def _paced(self, prepared: Prepared, fresh: _Fresh, pacing: GroupPace) -> _Stay | None:
        """Return why advertising does not go now: some hours and days have it wait, a cap has it left out."""
        if prepared.loaded.message.kind is not Kind.MARKETING or fresh.customer is None:
            return None
        held = pacing.ask(prepared, zone_of(fresh.customer.timezone, self._shop.timezone))
        if isinstance(held, Waits):
            return _Stay(MessageState.QUEUED, held.why, held.until)
        return None if held is None else _Stay(MessageState.SKIPPED, held)

    def _known(self, connection: Connection, group: Sequence[Prepared], now: datetime) -> dict[int, _Fresh]:
        """Load what there is to know now of each message of a group."""
        owners = ledger.owners(connection, [prepared.loaded.message.id for prepared in group])
        travels = self._journeys.by_id(connection, [one.loaded.journey.id for one in group if one.loaded.journey])
        travellers = {journey.customer_id for journey in travels.values()}
        people = self._customers.by_id(connection, sorted(travellers | set(owners.values())))
        under_way = [(journey, people[journey.customer_id]) for journey in travels.values()]
        asked = self._asked(connection, group, under_way, now)
        about = tasks.by_id(
            connection, [one.loaded.message.task_id or 0 for one in group if one.loaded.message.task_id]
        )
        known: dict[int, _Fresh] = {}
        for prepared in group:
            message, made_for = prepared.loaded.message, prepared.loaded.journey
            journey = travels.get(made_for.id) if made_for else None
            customer = None if message.staff is not None else people[owners[message.id]]
            if customer is not None and message.to is not None:
                customer = customers.at_address(connection, customer, message.to)
            task = about.get(message.task_id) if message.task_id else None
            left, unmet = asked.get(message.id, (None, None))
            version = None if journey is None else self._flowbook.version(connection, journey.version_id)
            topic = None if version is None else version.flow.topic
            known[message.id] = _Fresh(customer, journey, left, unmet, task, topic)
        return known

    def _asked(
        self,
        connection: Connection,
        group: Sequence[Prepared],
        under_way: Sequence[tuple[Journey, Customer]],
        now: datetime,
    ) -> dict[int, tuple[str | None, str | None]]:
        """Return, by message, the exit condition that holds, and the step's `when` that does not.

        Facts are loaded once for the group, of those journeys alone that ask for any.
        """
        people = {journey.id: (journey, customer) for journey, customer in under_way}
        asking: dict[int, tuple[Journey, Customer, Version, Needs]] = {}
        for one in group:
            if one.loaded.journey is None or one.loaded.journey.id not in people:
                continue
            journey, customer = people[one.loaded.journey.id]
            version = self._flowbook.version(connection, journey.version_id)
            wanted = None if version is None else self._needs_of(version, one.loaded.message.step)
            if version is not None and wanted is not None:
                before = asking[journey.id][3] if journey.id in asking else Needs()
                asking[journey.id] = (journey, customer, version, wanted | before)
        if not asking:
            return {}
        known = facts.for_journeys(connection, [(j, c, n) for j, c, _, n in asking.values()], self._shop, now)
        left = {number: exit_condition(one[2].route, known[number], self._reading) for number, one in asking.items()}
        found: dict[int, tuple[str | None, str | None]] = {}
        for one in group:
            journey_id = one.loaded.journey.id if one.loaded.journey else None
            if journey_id is None or journey_id not in asking:
                continue
            fired, when = left[journey_id], _when(asking[journey_id][2], one.loaded.message.step)
            unmet = when is not None and not self._reading.holds(when, known[journey_id])
            found[one.loaded.message.id] = (fired and fired[0], when.text if when is not None and unmet else None)
        return found


def _when(version: Version, step: str | None) -> Expression | None:
    """Return the `when` of the step that wrote a message, or None where it has none or is gone from this version."""
    found = version.route.find(step) if step else None
    return found.when if isinstance(found, Send) else None


def _seldom(known: Iterable[_Fresh]) -> dict[str, Wishes]:
    """Return what the addresses of a group wish that want advertising less often than it comes."""
    people = [one.customer for one in known if one.customer is not None]
    return {one.email: one.consent.wishes for one in people if one.email and one.consent.wishes.back is not None}
