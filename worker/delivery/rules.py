"""The sending rules, asked with fresh facts in the transaction that marks a group: within a second of sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from worker.delivery.preparing import Prepared
from worker.domain.conditions.values import Reading
from worker.domain.customers import ConsentState, Customer
from worker.domain.exits import exit_condition
from worker.domain.facts import ShopFacts
from worker.domain.journeys import Journey
from worker.domain.messages import Kind, MessageState
from worker.domain.pacing import Advertising, Caps, paced
from worker.domain.policy import Pending, PendingStaff, skip, skip_staff
from worker.domain.setting_law import Policy
from worker.domain.tasks import Task
from worker.domain.zones import zone_of
from worker.storage import customers, facts, journeys, ledger, pace, tasks
from worker.storage.database import told
from worker.storage.flowbook import Catalogue, FlowBook
from worker.storage.ledger import Settlement

_log = structlog.get_logger(__name__)


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


@dataclass(frozen=True, slots=True)
class _Fresh:
    """What is known of a message now; much may have changed since its mail was made.

    Parameters:
        customer: whose the message is now; None for one to staff.
        exit_rule: text of an exit condition of its journey that holds now, or None.
        task: that a mail to staff is about.
    """

    customer: Customer | None
    journey: Journey | None
    exit_rule: str | None
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class _Stay:
    """Why a message does not go now: its state then, and where it waits, until when."""

    state: MessageState
    reason: str
    not_before: datetime | None = None


class Rules:
    """Asks the policy for each message of a group.

    Parameters:
        shop: the shop as exit conditions see it.
        policy: quiet hours and caps of advertising.
    """

    def __init__(self, flowbook: FlowBook, shop: ShopFacts, policy: Policy | None = None) -> None:
        self._quiet = None if policy is None else policy.quiet
        self._caps = Caps() if policy is None else policy.caps
        self._flowbook = flowbook
        self._shop = shop
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
        went = self._went(connection, group, now)
        going: list[Prepared] = []
        stays: list[Settlement] = []
        exited: list[int] = []
        for prepared in group:
            number = prepared.loaded.message.id
            fresh = known[number]
            stay = _stay(prepared, fresh, catalogue, now) or self._paced(prepared, fresh, went, now)
            if stay is None:
                going.append(prepared)
                continue
            waits = stay.state is MessageState.QUEUED
            stays.append(Settlement(number, stay.state, now, stay.reason, not_before=stay.not_before, forgive=waits))
            if fresh.journey is not None and fresh.exit_rule is not None:
                exited.append(fresh.journey.id)
        woken = journeys.wake(connection, exited) if exited else []
        return Ruling(tuple(going), tuple(stays), tuple(woken))

    def _went(self, connection: Connection, group: Sequence[Prepared], now: datetime) -> dict[str, list[datetime]]:
        """Return when advertising went to the addresses of a group, as far back as the caps look."""
        back = self._caps.back
        emails = {one.outgoing.recipient for one in group if one.loaded.message.kind is Kind.MARKETING}
        if back is None or not emails:
            return {}
        pace.hold(connection, emails)
        return pace.handed_over(connection, emails, now - back)

    def _paced(self, prepared: Prepared, fresh: _Fresh, went: dict[str, list[datetime]], now: datetime) -> _Stay | None:
        """Return why advertising does not go now: quiet hours have it wait, a cap has it left out."""
        message, email = prepared.loaded.message, prepared.outgoing.recipient
        if message.kind is not Kind.MARKETING or fresh.customer is None:
            return None
        zone = zone_of(fresh.customer.timezone, self._shop.timezone)
        moments = went.setdefault(email, [])
        held = paced(Advertising(message.expires_at, zone, moments), self._quiet, self._caps, now)
        if isinstance(held, datetime):
            return _Stay(MessageState.QUEUED, "quiet hours", held)
        if held is not None:
            return _Stay(MessageState.SKIPPED, held)
        moments.append(now)  # counts for the next of this group
        return None

    def _known(self, connection: Connection, group: Sequence[Prepared], now: datetime) -> dict[int, _Fresh]:
        """Load what there is to know now of each message of a group."""
        owners = ledger.owners(connection, [prepared.loaded.message.id for prepared in group])
        travels = journeys.by_id(connection, [one.loaded.journey.id for one in group if one.loaded.journey])
        travellers = {journey.customer_id for journey in travels.values()}
        people = customers.by_id(connection, sorted(travellers | set(owners.values())))
        under_way = [(journey, people[journey.customer_id]) for journey in travels.values()]
        exits = self._exits(connection, under_way, now)
        about = tasks.by_id(
            connection, [one.loaded.message.task_id or 0 for one in group if one.loaded.message.task_id]
        )
        known: dict[int, _Fresh] = {}
        for prepared in group:
            message, made_for = prepared.loaded.message, prepared.loaded.journey
            journey = travels.get(made_for.id) if made_for else None
            customer = None if message.staff is not None else people[owners[message.id]]
            task = about.get(message.task_id) if message.task_id else None
            known[message.id] = _Fresh(customer, journey, exits.get(journey.id) if journey else None, task)
        return known

    def _exits(
        self, connection: Connection, under_way: Sequence[tuple[Journey, Customer]], now: datetime
    ) -> dict[int, str]:
        """Return the exit condition that holds, by journey."""
        asking = []
        for journey, customer in under_way:
            version = self._flowbook.version(connection, journey.version_id)
            if version is not None and any(rule.event is None for rule in version.flow.exits):
                asking.append((journey, customer, version))
        known = facts.for_journeys(connection, [(j, c, v.needs) for j, c, v in asking], self._shop, now)
        found: dict[int, str] = {}
        for journey, _, version in asking:
            fired = exit_condition(version.route, known[journey.id], self._reading)
            if fired is not None:
                found[journey.id] = fired[0]
        return found


def _stay(prepared: Prepared, fresh: _Fresh, catalogue: Catalogue, now: datetime) -> _Stay | None:
    """Return why a message does not go now, and its state then; None where it may go."""
    message, customer = prepared.loaded.message, fresh.customer
    withdrawn = fresh.journey is not None and fresh.journey.withdrawn
    if customer is None:
        pending = PendingStaff(message.staff or "", fresh.task, message.expires_at, withdrawn, fresh.exit_rule)
        reason = skip_staff(pending, now)
    else:
        of = fresh.journey.id if fresh.journey is not None else None
        reason = skip(Pending(message.kind, customer, message.expires_at, withdrawn, fresh.exit_rule, of), now)
    if reason is not None:
        return _Stay(MessageState.SKIPPED, reason.value)
    if catalogue.all_held or message.flow in catalogue.held:
        return _Stay(MessageState.QUEUED, "paused")
    if customer is None:
        return None
    tracked = customer.consent.tracking is ConsentState.SUBSCRIBED
    if customer.email != prepared.outgoing.recipient or tracked != prepared.marked.tracked:
        return _Stay(MessageState.QUEUED, "changed meanwhile")  # made anew with what is known now
    return None
