"""The case's figures as Phin tells them afterwards, each beside what the case says.

They are read from `phin report --json`, `phin tasks --json` and `phin why --json`, which Phin computes from what came
in; nothing here is counted by the demo.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.case import ZONE
from demo.house import Phin
from demo.orders import LOYAL_BAGS
from demo.people import Part
from demo.readers import OFFER
from demo.script import Script
from demo.support import WEEK

CONFIRMATION = "order-confirmation"
SUPPORT = "support-request"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the case.

    Parameters:
        found: what Phin tells; None where it tells nothing of the kind.
        more_is_fine: whether a shop that others use, too, may have more of it.
    """

    step: str
    name: str
    wanted: float
    found: float | None
    more_is_fine: bool = False
    rate: bool = False

    @property
    def met(self) -> bool:
        """Whether it is what the case says."""
        if self.found is None:
            return False
        if self.rate:
            return abs(self.found - self.wanted) < 0.0005
        return self.found == self.wanted or (self.more_is_fine and self.found > self.wanted)


def read_figures(script: Script, phin: Phin, *, shared: bool) -> list[Figure]:
    """Ask Phin for the figures.

    Parameters:
        shared: whether somebody else's customers and orders may be counted, too.
    """
    begin = script.window.begin.astimezone(ZONE).isoformat()
    report = json.loads(phin.run("report", "--since", begin, "--json"))
    return [
        *_records(script, phin, report, shared),
        *_orders(script, report, shared),
        *_offer(script, report),
        *_support(script, report, json.loads(phin.run("tasks", "--all", "--json"))),
    ]


def _records(script: Script, phin: Phin, report: Mapping[str, Any], shared: bool) -> Iterator[Figure]:
    shop = report["shop"]
    case = script.case
    yield Figure("records", "registered customers", case.customers, shop["customers"], more_is_fine=shared)
    yield Figure("records", "of them have bought", case.buyers, shop["buyers"], more_is_fine=shared)
    loyal = next(person for person in script.people if person.part is Part.EARLIER and person.buyer)
    (story,) = json.loads(phin.run("why", loyal.id, "--json"))
    facts = story["customer"]["facts"]
    before = [order for order in script.history if order.customer == loyal.id]
    since = [order for order in script.orders if order.customer == loyal.id]
    name = f"orders of {loyal.name} ({sum(LOYAL_BAGS)} bags of Arabica in {len(before)})"
    yield Figure("records", name, len(before) + len(since), facts["orders_count"])


def _orders(script: Script, report: Mapping[str, Any], shared: bool) -> Iterator[Figure]:
    shop, case = report["shop"], script.case
    yield Figure("orders", "orders of the month", case.orders, sum(shop["orders"].values()), more_is_fine=shared)
    prompt = shop["promptness"].get(CONFIRMATION, {})
    yield Figure("orders", "confirmed within 5 minutes", case.orders, prompt.get("prompt"), more_is_fine=shared)
    yield Figure("orders", "in packing now", case.packing, shop["orders"].get("packing", 0), more_is_fine=shared)
    incident = _flow(report, "delivery-incident")
    yield Figure("orders", "damaged on the way, with a case", 1, None if incident is None else incident["entered"])


def _offer(script: Script, report: Mapping[str, Any]) -> Iterator[Figure]:
    if script.window.offer_at is None:
        return
    case, offer = script.case, _flow(report, OFFER)
    found = offer or {}
    yield Figure("offer", "Arabica offer sent to", case.audience, found.get("sent"))
    yield Figure("offer", "opened by people", case.openers, found.get("opened"))
    opened = found.get("opened")
    of_sent = opened / found["sent"] if opened else None  # phin report's rate is of those that may be followed
    yield Figure("offer", "opened of those sent", case.openers / case.audience, of_sent, rate=True)
    yield Figure("offer", "ordered Arabica", case.takers, found.get("goals"))
    rate = found["goals"] / opened if opened else None
    yield Figure("offer", "of the openers ordered", case.takers / case.openers, rate, rate=True)


def _support(script: Script, report: Mapping[str, Any], tasks: Mapping[str, Any]) -> Iterator[Figure]:
    case, requests = script.case, tasks["requests"]
    yield Figure("support", "requests of the last week", case.requests, requests["opened"])
    yield Figure("support", "solved within 48 hours", case.solved, requests["in_time"])
    if script.window.end - script.window.begin < WEEK:
        return  # whether there are working days enough to be reminded in depends on the day of the week
    yield Figure("support", "of whom staff were reminded", case.reminded, report["shop"]["reminded"].get(SUPPORT))


def _flow(report: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return next((one for one in report["flows"] if one["flow"] == name), None)


def show(console: Console, figures: Iterable[Figure]) -> int:
    """Print the figures, and return how many are not what the case says."""
    table = Table.grid(padding=(0, 2))
    missed = 0
    for figure in figures:
        missed += not figure.met
        mark = Text("✓", style="green") if figure.met else Text("✗", style="bold red")
        told = "–" if figure.found is None else _number(figure.found, rate=figure.rate)
        wanted = _number(figure.wanted, rate=figure.rate)
        note = "" if figure.found == figure.wanted or (figure.met and figure.rate) else f"the case says {wanted}"
        if figure.met and note:
            note += "; the rest is yours"
        table.add_row(
            mark,
            Text(figure.step, style="dim"),
            Text(figure.name),
            Text(told, style="bold", justify="right"),
            Text(note, style="dim" if figure.met else "red"),
        )
    console.print(table, soft_wrap=False)
    return missed


def _number(value: float, *, rate: bool) -> str:
    return f"{value:.1%}" if rate else f"{value:,.0f}"
