"""What `phin report FLOW` tells: each mail and each way of one flow, and what purchases are credited to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from worker.edges.moments import amount, share
from worker.storage import revenue
from worker.storage.graph_counts import GraphCounts, graph_counts
from worker.storage.revenue import Revenue
from worker.storage.standing import StepCounts

LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class FlowReport:
    """One flow's mails and ways."""

    flow: str
    counts: GraphCounts
    mails: Mapping[str, Revenue]
    ways: Mapping[tuple[str, str], Revenue]

    @classmethod
    def read(cls, connection: Connection, flow: str, since: datetime | None) -> FlowReport:
        """Count the journeys that were entered since, and the orders that were placed since."""
        counts = graph_counts(connection, flow, since or LONG_AGO)
        return cls(flow, counts, revenue.by_step(connection, flow, since), revenue.by_way(connection, flow, since))

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "flow": self.flow,
            "mails": [
                {"step": step, "sent": one.sent, "opened": one.opened, "clicked": one.clicked, **_money(earned)}
                for step, one, earned in self._mails()
            ],
            "ways": [
                {"step": step, "way": way, "journeys": count, **_money(earned)}
                for step, way, count, earned in self._ways()
            ],
        }

    def show(self, console: Console) -> None:
        """Print a table of the mails, and one of the ways where there are any."""
        mails = _table("mail", "sent", "opened", "", "clicked", "", "orders", "revenue")
        for step, one, earned in self._mails():
            rates = (one.opened / one.sent, one.clicked / one.sent) if one.sent else (None, None)
            opened, clicked = (f"[dim]{share(rate)}[/]" for rate in rates)
            counts = (f"{one.sent:,}", f"{one.opened:,}", opened, f"{one.clicked:,}", clicked)
            mails.add_row(step, *counts, f"{earned.orders:,}", amounts(earned))
        console.print(mails)
        if self.counts.took or self.ways:
            ways = _table("way", "journeys", "orders", "revenue")
            for step, way, count, earned in self._ways():
                ways.add_row(f"{step} → {way}", f"{count:,}", f"{earned.orders:,}", amounts(earned))
            console.print(ways)

    def _mails(self) -> Iterator[tuple[str, StepCounts, Revenue]]:
        wrote = [step for step, one in self.counts.steps.items() if one.sent]
        for step in sorted({*wrote, *self.mails}):
            yield step, self.counts.steps.get(step, StepCounts()), self.mails.get(step, Revenue())

    def _ways(self) -> Iterator[tuple[str, str, int, Revenue]]:
        for step, way in sorted({*self.counts.took, *self.ways}):
            yield step, way, self.counts.took.get((step, way), 0), self.ways.get((step, way), Revenue())


def amounts(earned: Revenue) -> str:
    """Return a revenue as a person reads it, a dash where there is none."""
    return " + ".join(amount(total, currency) for currency, total in sorted(earned.amounts.items())) or "–"


def _money(earned: Revenue) -> dict[str, object]:
    return {"orders": earned.orders, "revenue": {name: str(total) for name, total in sorted(earned.amounts.items())}}


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    return table
