"""What the steps `set`, `add`, `tag` and `untag` write to a customer, and who is told of it.

The customer's row is held before the journey is decided (`worker.engine.advancing`), and read then: so nothing that
another journey of the same customer writes at the same moment is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from worker.domain.advancing import Act
from worker.domain.moved_dates import moved_dates
from worker.domain.own_fields import written
from worker.domain.steps import AddToFields, SetFields, Tag, Untag
from worker.domain.work import Work
from worker.engine.surroundings import Surroundings
from worker.storage import customers, journeys, membership, occurrences
from worker.storage.flowbook import FlowBook

_DATES = ("date", "time", None)  # types of own fields that a trigger may go by; None: declared no more


def write_fields(connection: Connection, around: Surroundings, act: Act, now: datetime) -> Work:
    """Write what a step changes of the customer, and note it for segments and for triggers that go by dates.

    Parameters:
        act: with the customer's row as this transaction holds it.

    Returns:
        Whom it changed, for `tell_of`.
    """
    assert isinstance(act.step, SetFields | AddToFields | Tag | Untag)
    before = act.facts.customer
    after, _ = written(act.step, act.facts, around.reading)
    names = [name for name in ("fields", "tags", "written") if getattr(after, name) != getattr(before, name)]
    if not names:
        return Work()
    values = {"fields": dict(after.fields), "tags": list(after.tags), "written": dict(after.written)}
    customers.change(connection, before.id, {name: values[name] for name in names}, now)
    if (before.fields, before.tags) == (after.fields, after.tags):
        return Work()
    membership.mark(connection, {before.id: False})
    types = around.reading.fields
    moved = [name for name in moved_dates(before, after) if types.get(name.removeprefix("customer.")) in _DATES]
    occurrences.mark(connection, before.id, sorted(moved))
    return Work(wrote=(before.id,))


def keep_customers(connection: Connection, flowbook: FlowBook, journey_ids: Sequence[int]) -> None:
    """Keep the customers of journeys, where a flow of theirs writes to customers, to this transaction.

    Before the journeys themselves, for so does processing: two who take the same in another order would wait for each
    other. All of them, for whoever writes has the other journeys of the customer look again.
    """
    if connection.dialect.name != "postgresql":
        return
    owners = journeys.owners(connection, journey_ids)
    versions = (flowbook.version(connection, number) for number in {version for version, _ in owners})
    if any(version is not None and version.writes for version in versions):
        customers.keep(connection, [customer for _, customer in owners])


def tell_of(connection: Connection, work: Work) -> Work:
    """Have the journeys of customers whom steps changed look again, at the end of the transaction that changed them.

    Not earlier: what another journey decided in it, with facts from before the change, would take the note away.
    """
    if not work.wrote:
        return work
    woken = journeys.wake_of(connection, sorted(set(work.wrote)))
    return replace(work, wrote=()) + Work(journeys=tuple(woken))
