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
from worker.domain.messages import MessageState
from worker.domain.policy import Pending, PendingStaff, skip, skip_staff
from worker.domain.tasks import Task
from worker.storage import customers, facts, journeys, ledger, tasks
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


class Rules:
    """Asks the policy for each message of a group.

    Parameters:
        shop: the shop as exit conditions see it.
    """

    def __init__(self, flowbook: FlowBook, shop: ShopFacts) -> None:
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
        going: list[Prepared] = []
        stays: list[Settlement] = []
        exited: list[int] = []
        for prepared in group:
            number = prepared.loaded.message.id
            fresh = known[number]
            stay = _stay(prepared, fresh, catalogue, now)
            if stay is None:
                going.append(prepared)
                continue
            state, reason = stay
            stays.append(Settlement(number, state, now, reason, forgive=state is MessageState.QUEUED))
            if fresh.journey is not None and fresh.exit_rule is not None:
                exited.append(fresh.journey.id)
        woken = journeys.wake(connection, exited) if exited else []
        return Ruling(tuple(going), tuple(stays), tuple(woken))

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


def _stay(prepared: Prepared, fresh: _Fresh, catalogue: Catalogue, now: datetime) -> tuple[MessageState, str] | None:
    """Return why a message does not go now, and its state then; None where it may go."""
    message, customer = prepared.loaded.message, fresh.customer
    withdrawn = fresh.journey is not None and fresh.journey.withdrawn
    if customer is None:
        pending = PendingStaff(message.staff or "", fresh.task, message.expires_at, withdrawn, fresh.exit_rule)
        reason = skip_staff(pending, now)
    else:
        reason = skip(Pending(message.kind, customer, message.expires_at, withdrawn, fresh.exit_rule), now)
    if reason is not None:
        return MessageState.SKIPPED, reason.value
    if catalogue.all_held or message.flow in catalogue.held:
        return MessageState.QUEUED, "paused"
    if customer is None:
        return None
    tracked = customer.consent.tracking is ConsentState.SUBSCRIBED
    if customer.email != prepared.outgoing.recipient or tracked != prepared.marked.tracked:
        return MessageState.QUEUED, "changed meanwhile"  # made anew with what is known now
    return None
