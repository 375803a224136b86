"""What a batch of events asks of the database, asked for all of them at once before the first is processed.

It holds for a customer until an event of the batch has touched them, or their address: from then on each is asked for
anew. So whoever has one event in the batch, as nearly all have, costs no search of their own; and of somebody who has
nothing that an event could end, close or be credited to, nothing of that is looked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum

from sqlalchemy import BindParameter, Connection, bindparam, literal_column, select, union

from worker.domain.customers import Customer
from worker.domain.messages import MessageState
from worker.domain.orders import Order, Told
from worker.domain.pseudonyms import Pseudonyms
from worker.storage import customers, erasure, orders, predictions
from worker.storage.erasure import Known
from worker.storage.journeys import WAITING
from worker.storage.ledger import stands
from worker.storage.pending import PendingEvent
from worker.storage.predictions import Fitted
from worker.storage.tables import journey, message, task
from worker.storage.tasks import OPEN


class Has(IntEnum):
    """What somebody may have that an event concerns."""

    JOURNEYS = 1  # that are under way
    ENTRIES = 2  # journeys at all
    UNSENT = 3  # mails that were not yet handed over
    TASKS = 4  # that are open


ALL = frozenset(Has)

_IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)
_UNSENT = stands(MessageState.QUEUED, MessageState.CLAIMED)
_HAS = union(
    *(
        select(literal_column(str(has.value)).label("what"), of.c.customer_id).where(of.c.customer_id.in_(_IDS), *which)
        for has, of, which in (
            (Has.JOURNEYS, journey, (WAITING,)),
            (Has.ENTRIES, journey, ()),
            (Has.UNSENT, message, (_UNSENT,)),
            (Has.TASKS, task, (OPEN,)),
        )
    )
)


class Gathered:
    """What was found for a batch of events, as far as it still holds.

    Parameters:
        events: whose customers are looked for; they are held already.
    """

    def __init__(self, connection: Connection, events: Sequence[PendingEvent]) -> None:
        self._by_external_id: dict[str, Customer] = {}
        self._by_email: dict[str, Customer] = {}
        self._guests: dict[str, Customer] = {}
        found = customers.named(connection, [key for event in events for key in event.keys])
        for one in sorted(found, key=lambda one: one.id):
            if one.external_id is not None:
                self._by_external_id[one.external_id] = one
            if one.email is not None and not one.erased:
                (self._guests if one.external_id is None else self._by_email).setdefault(one.email, one)
        self._ids = {one.id for one in found}
        asked = {"ids": sorted(self._ids)}
        self._has = {(what, number) for what, number in connection.execute(_HAS, asked)} if found else set()
        numbers = sorted({event.order_number for event in events if event.order_number})
        self._orders = orders.all_known(connection, numbers)
        self._touched: set[str] = set()
        self._touched_ids: set[int] = set()
        self._fitted: tuple[Fitted | None] | None = None
        self._events = events
        self._erased: dict[int, Known | None] | None = None

    def by_external_id(self, connection: Connection, external_id: str) -> Customer | None:
        """Return the customer that the shop knows by this id."""
        key = f"id:{external_id}"
        found = self._by_external_id.get(external_id)
        if key in self._touched or self._is_touched(found):
            return customers.by_external_id(connection, external_id)
        return found

    def guest(self, connection: Connection, email: str) -> Customer | None:
        """Return the customer who is known by this address only."""
        found = self._guests.get(email)
        if f"email:{email}" in self._touched or self._is_touched(found):
            return customers.guest(connection, email)
        return found

    def by_email(self, connection: Connection, email: str) -> Customer | None:
        """Return the customer with this address; with an id of the shop's before one without."""
        found = self._by_email.get(email) or self._guests.get(email)
        if f"email:{email}" in self._touched or self._is_touched(found):
            return customers.by_email(connection, email)
        return found

    def order(self, connection: Connection, number: str) -> tuple[Order | None, Told]:
        """Return an order by the shop's number, None where there is none yet, and what events have told of it.

        To be asked once an event, since the event changes it.
        """
        found = self._orders.pop(number, None)
        return orders.known(connection, number) if found is None else found

    def has(self, customer_id: int, *, new: bool) -> frozenset[Has]:
        """Return what a customer may have, before an event does anything about them; all of it where that is unknown.

        Parameters:
            new: whether this event made the customer, who has nothing yet.
        """
        if new:
            return frozenset()
        if customer_id in self._touched_ids or customer_id not in self._ids:
            return ALL
        return frozenset(what for what in Has if (what.value, customer_id) in self._has)

    def fitted(self, connection: Connection) -> Fitted | None:
        """Return the model by which customers' next orders are foretold, as it is in this transaction."""
        if self._fitted is None:
            self._fitted = (predictions.fitted(connection),)
        return self._fitted[0]

    def erased(self, connection: Connection, pseudonyms: Pseudonyms, event: PendingEvent) -> Known | None:
        """Return when the person was erased whom one of the events names; None for all others."""
        if not pseudonyms:
            return None
        if not self._touched.isdisjoint(event.keys):
            return erasure.known_each(connection, pseudonyms, [_named(event)])[0]
        if self._erased is None:
            found = erasure.known_each(connection, pseudonyms, [_named(one) for one in self._events])
            self._erased = {one.id: known for one, known in zip(self._events, found, strict=True)}
        return self._erased[event.id]

    def touch(
        self, people: Iterable[Customer | None] = (), *, ids: Collection[int] = (), keys: Iterable[str] = ()
    ) -> None:
        """Note that an event has touched these: what was gathered of them holds no more."""
        self._touched.update(keys)
        self._touched_ids.update(ids)
        for one in people:
            if one is not None:
                self._touched_ids.add(one.id)
                if one.external_id is not None:
                    self._touched.add(f"id:{one.external_id}")
                if one.email is not None:
                    self._touched.add(f"email:{one.email}")

    def join(self, guest: Customer, known: Customer) -> None:
        """Note that a guest was joined to a known customer, with all that is theirs: orders have other owners now."""
        self.touch((guest, known))
        self._orders.clear()

    def _is_touched(self, one: Customer | None) -> bool:
        return one is not None and (one.id in self._touched_ids or f"email:{one.email}" in self._touched)


def _named(event: PendingEvent) -> tuple[str | None, str | None]:
    return event.customer.get("id"), event.customer.get("email")
