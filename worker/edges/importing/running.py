"""A file's records through the intake, in batches: looked at only, or kept and processed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.domain.event_check import EventRules
from worker.edges.importing.faults import Faulty, Refusals, RefusedFile
from worker.edges.importing.records import Record, placed, records
from worker.edges.importing.survey import Plan
from worker.engine.intake import Examined, examine, keep_carefully, receipt, work_of
from worker.storage import imports
from worker.storage.database import Database

SOURCE = "import"
BATCH = 400  # events of one transaction: few enough that each customer's key is held by itself
_FINAL = ("cancelled", "refunded")
_CONTRADICTED = (
    "was imported before with another refund, and refunds add up; report the difference as an event 'refund'"
)


@dataclass(slots=True)
class Tally:
    """What was found in a file, and what became of it.

    Parameters:
        records: customers or orders that are in order.
        revenue: by currency, of the orders that count, without what was given back.
        repeated: customers' rows beyond the first of each.
        fresh: events that are new; `known`: events that are there already.
        unprocessed: events that were kept and cannot be processed now.
    """

    records: int = 0
    lines: int = 0
    customers: set[str] = field(default_factory=set)
    repeated: int = 0
    first: datetime | None = None
    last: datetime | None = None
    revenue: dict[str, Decimal] = field(default_factory=dict)
    off: int = 0  # orders that were cancelled or wholly refunded
    fresh: int = 0
    known: int = 0
    unprocessed: int = 0
    unknown_statuses: dict[str, int] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)

    def add(self, record: Record, currency: str) -> None:
        """Count a record that is in order."""
        self.records += 1
        customer = record.items[-1]["customer"]
        key = str(customer.get("id") or customer["email"].lower())
        self.repeated += key in self.customers
        self.customers.add(key)
        given_back = Decimal(0)
        for item in record.items:
            if item["type"] == "refund":
                given_back = Decimal(str(item["data"]["amount"]))
            if item["type"] in ("purchase", "signup"):
                at = datetime.fromisoformat(item["time"])
                self.first = min(at, self.first or at)
                self.last = max(at, self.last or at)
        purchase = record.items[0]
        if purchase["type"] != "purchase":
            return
        order = purchase["order"]
        self.lines += len(order.get("lines", ()))
        if order.get("status") in _FINAL or any(item["type"] == "order.cancelled" for item in record.items):
            self.off += 1
            return
        named = order.get("currency", currency).upper()
        self.revenue[named] = self.revenue.get(named, Decimal(0)) + max(Decimal(0), _total(order) - given_back)


class Import:
    """Takes a file in, or only looks what would come of it.

    Parameters:
        currency: the shop's.
        vietnamese: whether the family name stands first in a name of two parts.
        now: the time, asked for once a batch.
        process: processes events by their numbers.
    """

    def __init__(
        self,
        plan: Plan,
        database: Database,
        rules: EventRules,
        *,
        currency: str,
        vietnamese: bool,
        now: Callable[[], datetime],
        process: Callable[[Sequence[int]], object],
    ) -> None:
        self._plan = plan
        self._database = database
        self._rules = rules
        self._currency = currency
        self._vietnamese = vietnamese
        self._now = now
        self._process = process

    def run(self, *, write: bool, refused: RefusedFile, went: Callable[[int], object]) -> Tally:
        """Go through the file.

        What is there already is passed over by its id, so that a run that was ended anywhere goes on where it was.

        Parameters:
            write: whether events are kept and processed; if not, nothing changes.
            went: told after each batch how many rows it had.

        Raises:
            UnavailableError: the database cannot be reached; what was kept stays.
        """
        tally, cells = Tally(), self._plan.cells()
        batch: list[Record] = []
        size = 0
        for record in records(self._plan, cells, self._vietnamese):
            batch.append(record)
            size += max(1, len(record.items))
            if size >= BATCH:
                self._take(batch, tally, refused, write)
                went(sum(len(one.rows) for one in batch))
                batch, size = [], 0
        if batch:
            self._take(batch, tally, refused, write)
            went(sum(len(one.rows) for one in batch))
        if write:
            tally.unprocessed = self._finish()
        tally.unknown_statuses = cells.unknown_statuses
        return tally

    def _take(self, batch: Sequence[Record], tally: Tally, refused: RefusedFile, write: bool) -> None:
        items = [(place, item) for place, record in enumerate(batch) for item in record.items]
        with self._database.reading() as connection:
            known = imports.known(connection, SOURCE, [item["id"] for _, item in items])
        # one refund for each order has an id that does not say its content: it may contradict what is there
        fresh = [(place, item) for place, item in items if item["id"] not in known or item["type"] == "refund"]
        examined = examine([item for _, item in fresh], SOURCE, self._rules, self._now())
        faults = {place: list(record.faults) for place, record in enumerate(batch) if record.faults}
        for refusal in examined.refused:
            place, item = fresh[refusal.index]
            fault = placed(batch[place], self._plan.mapped, item["type"], refusal.field, refusal.error)
            faults.setdefault(place, []).append(fault)
        for index, new in examined.events:
            if known.get(new.external_id, new.content_hash) != new.content_hash:
                place, _ = fresh[index]
                fault = placed(batch[place], self._plan.mapped, "refund", "data.amount", _CONTRADICTED)
                faults.setdefault(place, []).append(fault)
        rows = [
            (index, new)
            for index, new in examined.events
            if fresh[index][0] not in faults and new.external_id not in known
        ]
        accepted = len(rows)
        if write and rows:
            stored = keep_carefully(self._database, [new for _, new in rows])
            answer = receipt(Examined(tuple(rows), ()), stored)
            accepted = answer.accepted
            for refusal in answer.refused:
                place, _ = fresh[refusal.index]
                line = batch[place].rows[0].line
                faults.setdefault(place, []).append(Faulty.of(line, None, "", refusal.error))
            if ids := work_of(stored).events:
                self._process(ids)
        tally.fresh += accepted
        tally.known += sum(item["id"] in known for place, item in items if place not in faults)
        for place, record in enumerate(batch):
            if place in faults:
                tally.refusals.add(record.rows, faults[place])
                refused.add(record.rows, faults[place])
            else:
                tally.add(record, self._currency)

    def _finish(self) -> int:
        """Process what is left, also of a run that was ended before; returns how many events cannot be processed."""
        before: list[int] = []
        while True:
            with self._database.reading() as connection:
                left = imports.waiting(connection, SOURCE, self._now(), BATCH)
            if not left or left == before:
                with self._database.reading() as connection:
                    return imports.unprocessed(connection, SOURCE)
            self._process(left)
            before = left


def _total(order: dict[str, Any]) -> Decimal:
    if "total" in order:
        return Decimal(order["total"])
    lines = order.get("lines", ())
    return sum((Decimal(line.get("price", 0)) * int(line.get("quantity", 1)) for line in lines), Decimal(0))
