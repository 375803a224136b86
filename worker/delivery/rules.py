"""The sending rules, asked with fresh facts in the transaction that marks a group: within a second of sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.delivery.preparing import Prepared
from worker.domain.conditions.values import Reading
from worker.domain.customers import ConsentState, Customer
from worker.domain.facts import ShopFacts
from worker.domain.journeys import Journey, exit_condition
from worker.domain.messages import MessageState
from worker.domain.policy import Pending, skip
from worker.storage import customers, facts, journeys
from worker.storage.flowbook import Catalogue, FlowBook
from worker.storage.ledger import Settlement


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of a group.

    Parameters:
        going: what may go now.
        stays: what becomes of the others: skipped with the reason, or back to the queue.
        exited: journeys whose exit was found here; the engine ends them.
    """

    going: tuple[Prepared, ...]
    stays: tuple[Settlement, ...]
    exited: tuple[int, ...]


class Rules:
    """Asks the policy for each message of a group.

    Parameters:
        shop: the shop as exit conditions see it.
    """

    def __init__(self, flowbook: FlowBook, shop: ShopFacts) -> None:
        self._flowbook = flowbook
        self._shop = shop
        self._reading = Reading()

    def ask(self, connection: Connection, group: Sequence[Prepared], now: datetime) -> Ruling:
        """Decide for each message with what this transaction sees."""
        catalogue = self._flowbook.follow(connection)
        people = customers.by_id(connection, [one.loaded.message.customer_id for one in group])
        ways = journeys.by_id(connection, [one.loaded.journey.id for one in group if one.loaded.journey])
        exits = self._exits(connection, [(way, people[way.customer_id]) for way in ways.values()], now)
        going: list[Prepared] = []
        stays: list[Settlement] = []
        exited: list[int] = []
        for one in group:
            number, customer = one.loaded.message.id, people[one.loaded.message.customer_id]
            way = ways.get(one.loaded.journey.id) if one.loaded.journey else None
            rule = exits.get(way.id) if way else None
            stay = self._stay(one, customer, way, rule, catalogue, now)
            if stay is None:
                going.append(one)
                continue
            state, reason = stay
            stays.append(Settlement(number, state, now, reason, forgive=state is MessageState.QUEUED))
            if way is not None and rule is not None:
                exited.append(way.id)
        woken = journeys.wake(connection, exited) if exited else []
        return Ruling(tuple(going), tuple(stays), tuple(woken))

    def listeners(self, connection: Connection, sent: Sequence[int]) -> tuple[int, ...]:
        """Wake the waiting journeys of these sent messages whose wait asks about mails, and return them."""
        if not sent:
            return ()
        waiting = journeys.waiting_of_messages(connection, sent)
        versions = {version_id: self._flowbook.version(connection, version_id) for _, version_id in waiting}
        asking = [number for number, of in waiting if (version := versions[of]) and version.asks_for_mails]
        return tuple(journeys.wake(connection, asking)) if asking else ()

    def _stay(
        self,
        one: Prepared,
        customer: Customer,
        way: Journey | None,
        rule: str | None,
        catalogue: Catalogue,
        now: datetime,
    ) -> tuple[MessageState, str] | None:
        message = one.loaded.message
        pending = Pending(message.kind, customer, message.expires_at, way is not None and way.withdrawn, rule)
        reason = skip(pending, now)
        if reason is not None:
            return MessageState.SKIPPED, reason.value
        if catalogue.all_held or message.flow in catalogue.held:
            return MessageState.QUEUED, "paused"
        tracked = customer.consent.tracking is ConsentState.SUBSCRIBED
        if customer.email != one.outgoing.recipient or tracked != one.marked.tracked:
            return MessageState.QUEUED, "changed meanwhile"  # made anew with what is known now
        return None

    def _exits(self, connection: Connection, ways: Sequence[tuple[Journey, Customer]], now: datetime) -> dict[int, str]:
        """Return the exit condition that holds, by journey."""
        asking = []
        for way, customer in ways:
            version = self._flowbook.version(connection, way.version_id)
            if version is not None and any(rule.event is None for rule in version.flow.exits):
                asking.append((way, customer, version))
        known = facts.for_journeys(connection, [(w, c, v.needs) for w, c, v in asking], self._shop, now)
        found: dict[int, str] = {}
        for way, _, version in asking:
            fired = exit_condition(version.route, known[way.id], self._reading)
            if fired is not None:
                found[way.id] = fired[0]
        return found
