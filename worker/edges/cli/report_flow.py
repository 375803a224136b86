"""What `phin report FLOW` tells: each mail and each way of one flow, and what purchases are credited to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from worker.edges.cli.report_mails import WHY_NONE, fits, mail_parts, print_parts, seen
from worker.edges.moments import amount, counted, share
from worker.storage import revenue
from worker.storage.graph_counts import GraphCounts, graph_counts
from worker.storage.revenue import Revenue
from worker.storage.standing import StepCounts

_COUNTS = ("sent", "to_staff", "followed", "opened", "open_rate", "clicked", "click_rate")
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
                {"step": step, **{name: getattr(one, name) for name in _COUNTS}, **_money(earned)}
                for step, one, earned in self._mails()
            ],
            "ways": [
                {"step": step, "way": way, "journeys": count, **_money(earned)}
                for step, way, count, earned in self._ways()
            ],
        }

    def show(self, console: Console) -> None:
        """Print a table of the mails, and one of the ways where there are any; blocks where a table does not fit."""
        rows = list(self._mails())
        some = any(not one.all_followed for _, one, _ in rows)
        mails = _table(
            "mail", "sent", *(["followed"] if some else []), "opened", "", "clicked", "", "orders", "revenue"
        )
        for step, one, earned in rows:
            followed = [_followed(one)] if some else []
            opened = (seen(one.opened, one), f"[dim]{share(one.open_rate)}[/]")
            clicked = (seen(one.clicked, one), f"[dim]{share(one.click_rate)}[/]")
            mails.add_row(
                escape(step), f"{one.sent:,}", *followed, *opened, *clicked, f"{earned.orders:,}", amounts(earned)
            )
        if fits(console, mails):
            console.print(mails)
            if any(one.sent > one.to_staff and not one.followed for _, one, _ in rows):
                console.print(f"[dim]–         [/]{WHY_NONE}", soft_wrap=True)
        else:
            for step, one, earned in rows:
                console.print(f"[bold]{escape(step)}[/]", soft_wrap=True)
                told = [f"{one.sent:,} sent to staff"] if 0 < one.sent == one.to_staff else mail_parts(one)
                print_parts(console, [*told, *_earned(earned)])
        if self.counts.took or self.ways:
            self._show_ways(console)

    def _show_ways(self, console: Console) -> None:
        ways = _table("way", "journeys", "orders", "revenue")
        rows = list(self._ways())
        for step, way, count, earned in rows:
            ways.add_row(escape(f"{step} → {way}"), f"{count:,}", f"{earned.orders:,}", amounts(earned))
        if fits(console, ways):
            console.print(ways)
            return
        for step, way, count, earned in rows:
            console.print(f"[bold]{escape(step)} → {escape(way)}[/]", soft_wrap=True)
            print_parts(console, [counted(count, "journey"), *_earned(earned)])

    def _mails(self) -> Iterator[tuple[str, StepCounts, Revenue]]:
        wrote = [step for step, one in self.counts.steps.items() if one.sent]
        for step in sorted({*wrote, *self.mails}):
            yield step, self.counts.steps.get(step, StepCounts()), self.mails.get(step, Revenue())

    def _ways(self) -> Iterator[tuple[str, str, int, Revenue]]:
        for step, way in sorted({*self.counts.took, *self.ways}):
            yield step, way, self.counts.took.get((step, way), 0), self.ways.get((step, way), Revenue())


def _followed(one: StepCounts) -> str:
    return "–" if one.sent == one.to_staff else f"{one.followed:,}"


def _earned(earned: Revenue) -> list[str]:
    return [counted(earned.orders, "order"), *([amounts(earned)] if earned.amounts else [])]


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
