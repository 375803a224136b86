"""`phin report`: the figures of each flow, counted from the ledger."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.domain.addresses import masked
from worker.domain.durations import parse_duration
from worker.edges.cli.opening import opened
from worker.edges.cli.report_lift import as_json as lift_as_json
from worker.edges.cli.report_lift import lift_lines
from worker.edges.cli.report_staff import StaffFigures
from worker.edges.moments import amount, share
from worker.storage import flows, ledger, outcomes, reports
from worker.storage.reports import FlowFigures
from worker.storage.shop_figures import PROMPT, shop_figures

WIDE = 112  # characters of a terminal that the table fits in


@click.command(short_help="Count who entered, what was sent, what came of it.")
@click.option("--since", help="Only journeys entered since: a date (2027-03-01) or a time ago ('30 days').")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def report(since: str | None, as_json: bool) -> None:
    """Count for each flow who entered, what was sent, opened, clicked, and what came of it."""
    with opened("report") as house:
        begin = _begin(since, house.clock.now(), house.settings.shop.timezone)
        with house.database.reading() as connection:
            names = [row.name for row in flows.all_flows(connection)]
            found = reports.flow_figures(connection, begin)
            lifts = outcomes.lifts(connection)
            messages = {state.value: count for state, count in ledger.counts(connection).items()}
            untaken = reports.untaken(connection)
            events = reports.event_counts(connection)
            shop = shop_figures(connection, begin)
            within = house.settings.support.solve_within
            staff = StaffFigures.read(connection, house.clock.now(), begin, within)
        figures = [found.get(name) or FlowFigures(name) for name in names]
        if as_json:
            waits = None if untaken is None else {"mails": untaken.mails, "answer": masked(untaken.answer)}
            told = {
                "flows": [_as_json(one) for one in figures],
                "lifts": {flow: lift_as_json(lift) for flow, lift in lifts.items()},
                "messages": messages,
                "wait_for_relay": waits,
                "events": events,
                "shop": dataclasses.asdict(shop),
                **staff.as_json(),
            }
            click.echo(json.dumps(told, ensure_ascii=False, indent=2))
            return
        console = Console()
        if console.width >= WIDE:
            console.print(_table(figures))
        else:
            _blocks(console, figures)
        bought = f"{shop.customers:,} customers · {shop.buyers:,} have bought"
        console.print("[dim]shop      [/]" + bought)
        console.print("[dim]orders    [/]" + (_counted(shop.orders) or "none"))
        for flow, one in sorted(shop.promptness.items()):
            console.print(f"[dim]prompt    [/]{flow}: {one.prompt:,} of {one.mails:,} within {PROMPT // 60} minutes")
        for line in lift_lines(lifts):
            console.print(f"[dim]lift      [/]{line}", highlight=False, soft_wrap=True)
        for name, line in staff.lines():
            console.print(f"[dim]{name:10}[/]{line}", highlight=False, soft_wrap=True)
        console.print("[dim]messages  [/]" + (_counted(messages) or "none"))
        console.print("[dim]events    [/]" + (_counted(events) or "none"))
        skips = [(one.flow, reason, n) for one in figures for reason, n in sorted(one.skips.items())]
        for flow, reason, count in skips:
            console.print(f"[dim]not sent  [/]{flow}: {count:,} {reason}")
        if untaken is not None:
            wait = "mail waits" if untaken.mails == 1 else "mails wait"
            line = f"{untaken.mails:,} {wait} for the relay: {masked(untaken.answer)}"
            console.print(Text(line, style="yellow"), soft_wrap=True)
        if messages.get("unknown"):
            console.print("[yellow]Some messages have no known outcome; 'phin unknown' shows them.[/]")


def _table(figures: list[FlowFigures]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("flow", no_wrap=True)
    for name in ("entered", "waiting", "done", "exited", "sent", "opened", "", "clicked", "", "goals", "", "revenue"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in figures:
        table.add_row(
            one.flow,
            *(f"{count:,}" for count in (one.entered, one.waiting, one.done, one.exited, one.sent, one.opened)),
            f"[dim]{share(one.open_rate)}[/]",
            f"{one.clicked:,}",
            f"[dim]{share(one.click_rate)}[/]",
            f"{one.goals:,}",
            f"[dim]{share(one.goal_rate)}[/]",
            _revenue(one),
        )
    return table


def _blocks(console: Console, figures: list[FlowFigures]) -> None:
    """Print two lines a flow, where a row of the table would not fit."""
    for one in figures:
        console.print(f"[bold]{one.flow}[/]  {_journeys(one)}", soft_wrap=True)
        rates = ((one.opened, "opened", one.open_rate), (one.clicked, "clicked", one.click_rate))
        told = [f"{one.sent:,} sent", *(f"{n:,} {word} ({share(rate)})" for n, word, rate in rates)]
        goals = f"{one.goals:,} goals ({share(one.goal_rate)})"
        console.print("  " + " · ".join([*told, goals, _revenue(one)]), soft_wrap=True)


def _journeys(one: FlowFigures) -> str:
    return f"{one.entered:,} entered · {one.waiting:,} waiting · {one.done:,} done · {one.exited:,} exited"


def _revenue(one: FlowFigures) -> str:
    return " + ".join(amount(total, currency) for currency, total in sorted(one.revenue.items())) or "–"


def _counted(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{count:,} {state}" for state, count in sorted(counts.items()))


def _begin(since: str | None, now: datetime, zone: str) -> datetime | None:
    if since is None:
        return None
    try:
        return now - abs(parse_duration(since).span())
    except ValueError:
        pass
    try:
        from_day = datetime.fromisoformat(since)
    except ValueError as error:
        raise click.BadParameter(f"'{since}' is neither a date like 2027-03-01 nor a time like '30 days'") from error
    return from_day.replace(tzinfo=from_day.tzinfo or ZoneInfo(zone))


def _as_json(one: FlowFigures) -> dict[str, object]:
    return {
        "flow": one.flow,
        "entered": one.entered,
        "waiting": one.waiting,
        "done": one.done,
        "exited": one.exited,
        "failed": one.failed,
        "control": one.control,
        "queued": one.queued,
        "sent": one.sent,
        "unknown": one.unknown,
        "undelivered": one.undelivered,
        "skipped": one.skips,
        "opened": one.opened,
        "open_rate": one.open_rate,
        "clicked": one.clicked,
        "click_rate": one.click_rate,
        "goals": one.goals,
        "goal_rate": one.goal_rate,
        "revenue": {currency: str(total) for currency, total in one.revenue.items()},
    }


commands = (report,)
