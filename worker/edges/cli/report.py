"""`phin report`: the figures of each flow, counted from the ledger."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rapidfuzz import process
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from worker.domain.addresses import masked
from worker.domain.breakers import RELAY_AS_A_WHOLE, WAITS
from worker.domain.durations import parse_duration
from worker.domain.setting_groups import Shop
from worker.edges.cli.opening import opened
from worker.edges.cli.report_flow import FlowReport
from worker.edges.cli.report_hits import as_json as hits_as_json
from worker.edges.cli.report_hits import hit_lines
from worker.edges.cli.report_lift import as_json as lift_as_json
from worker.edges.cli.report_lift import lift_lines
from worker.edges.cli.report_mails import WHY_NONE, fits, mail_parts, print_parts, seen
from worker.edges.cli.report_staff import StaffFigures
from worker.edges.moments import amount, counted, moment, share
from worker.storage import flows, hit_counts, ledger, outcomes, relays, reports, troubles
from worker.storage.hit_counts import HitCounts
from worker.storage.reports import FlowFigures
from worker.storage.shop_figures import PROMPT, shop_figures
from worker.storage.troubles import OF_LATE, Trouble

WIDE = 112  # characters of a terminal that the table fits in


@click.command(short_help="Count who entered, what was sent, what came of it.")
@click.argument("flow", required=False)
@click.option("--since", help="Only journeys entered since: a date (2027-03-01) or a time ago ('30 days').")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def report(flow: str | None, since: str | None, as_json: bool) -> None:
    """Count for each flow who entered, what was sent, opened, clicked, and what came of it.

    Of one FLOW: each of its mails and ways, and the purchases that are credited to them.
    """
    with opened("report") as house:
        begin = begin_of(since, house.clock.now(), house.settings.shop.timezone)
        with house.database.reading() as connection:
            names = [row.name for row in flows.all_flows(connection)]
            if flow is not None:
                _of_one(connection, names, flow, begin, as_json)
                return
            found = reports.flow_figures(connection, begin)
            lifts = outcomes.lifts(connection)
            hits = hit_counts.by_flow(connection, begin)
            messages = {state.value: count for state, count in ledger.counts(connection).items()}
            untaken = reports.untaken(connection)
            held = relays.waiting(connection)
            events = reports.event_counts(connection)
            shop = shop_figures(connection, begin)
            within = house.settings.support.solve_within
            going_round = troubles.circles(connection, house.clock.now() - OF_LATE)
            staff = StaffFigures.read(connection, house.clock.now(), begin, within)
        figures = [found.get(name) or FlowFigures(name) for name in names]
        if as_json:
            waits = None if untaken is None else {"mails": untaken.mails, "answer": masked(untaken.answer)}
            told = {
                "flows": [{**_as_json(one), "hits": hits_as_json(hits.get(one.flow, HitCounts()))} for one in figures],
                "lifts": {flow: lift_as_json(lift) for flow, lift in lifts.items()},
                "messages": messages,
                "wait_for_relay": waits,
                "held": held,
                "events": events,
                "shop": dataclasses.asdict(shop),
                "circles": [_circle_as_json(one) for one in going_round],
                **staff.as_json(),
            }
            click.echo(json.dumps(told, ensure_ascii=False, indent=2))
            return
        console = Console()
        table = _table(figures)
        if console.width >= WIDE and fits(console, table):
            console.print(table)
            for flow, line in _followed(figures):
                console.print(f"[dim]followed  [/]{flow}: {line}", highlight=False, soft_wrap=True)
        else:
            _blocks(console, figures)
        have = "has" if shop.buyers == 1 else "have"
        bought = f"{counted(shop.customers, 'customer')} · {shop.buyers:,} {have} bought"
        console.print("[dim]shop      [/]" + bought)
        console.print("[dim]orders    [/]" + (_counted(shop.orders) or "none"))
        for flow, one in sorted(shop.promptness.items()):
            console.print(f"[dim]prompt    [/]{flow}: {one.prompt:,} of {one.mails:,} within {PROMPT // 60} minutes")
        for name, line in hit_lines(hits):
            console.print(f"[dim]{name:10}[/]{line}", highlight=False, soft_wrap=True)
        for name, line in lift_lines(lifts):
            console.print(f"[dim]{name:10}[/]{line}", highlight=False, soft_wrap=True)
        for name, line in staff.lines():
            console.print(f"[dim]{name:10}[/]{line}", highlight=False, soft_wrap=True)
        for flow, count in ((told.flow, told.to_staff) for told in figures if told.to_staff):
            console.print(f"[dim]to staff  [/]{flow}: {count:,} sent")
        console.print("[dim]messages  [/]" + (_counted(messages) or "none"))
        console.print("[dim]events    [/]" + (_counted(events) or "none"))
        skips = [(one.flow, reason, n) for one in figures for reason, n in sorted(one.skips.items())]
        for flow, reason, count in skips:
            console.print(f"[dim]not sent  [/]{flow}: {count:,} {reason}")
        if untaken is not None:
            wait = "mail waits" if untaken.mails == 1 else "mails wait"
            line = f"{untaken.mails:,} {wait} for the relay: {masked(untaken.answer)} (phin relays)"
            console.print(Text(line, style="yellow"), soft_wrap=True)
        for reason, count in sorted(held.items()):
            if not reason.startswith(f"{WAITS}{RELAY_AS_A_WHOLE}"):
                wait = "mail waits" if count == 1 else "mails wait"
                console.print(Text(f"{count:,} {wait}: {reason} (phin relays)", style="yellow"), soft_wrap=True)
        for stopped in going_round:
            console.print(Text(_circle(stopped, house.settings.shop), style="yellow"), soft_wrap=True)
        if messages.get("unknown"):
            console.print("[yellow]Some messages have no known outcome; 'phin unknown' shows them.[/]")


def _of_one(connection: Connection, names: list[str], flow: str, begin: datetime | None, as_json: bool) -> None:
    """Tell of one flow, its holdout too."""
    require_flow(flow, names)
    found = FlowReport.read(connection, flow, begin)
    lifts = outcomes.lifts(connection, flow)
    if as_json:
        told = found.as_json() | {"lift": lift_as_json(lifts[flow]) if flow in lifts else None}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    console = Console()
    found.show(console)
    for name, line in lift_lines(lifts):
        console.print(f"[dim]{name:10}[/]{line}", highlight=False, soft_wrap=True)


def require_flow(flow: str, names: list[str]) -> None:
    """Refuse a name that no flow has, with the one that may be meant.

    Raises:
        click.UsageError: no flow is called so.
    """
    if flow not in names:
        close = process.extractOne(flow, names, score_cutoff=60)
        hint = f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(names) or 'none yet'}"
        raise click.UsageError(f"there is no flow '{flow}'{hint}")


def _circle(one: Trouble, shop: Shop) -> str:
    """Return what is told of a circle of flows, which is of the last seven days whatever else was asked for."""
    times = f"{one.times:,} times, last " if one.times > 1 else ""
    return f"Flows start each other in a circle, {one.what}: stopped {times}{moment(one.at, shop)}; see 'phin check'."


def _circle_as_json(one: Trouble) -> dict[str, object]:
    return {"circle": one.what, "stopped": one.times, "last": one.at.isoformat()}


def _table(figures: list[FlowFigures]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("flow", no_wrap=True)
    rare = [name for name in ("failed", "control") if any(getattr(one, name) for one in figures)]
    journeys = ("entered", "waiting", "done", "exited", *rare)  # the others make up those who entered
    named = ("set aside" if name == "control" else name for name in journeys)
    for name in (*named, "sent", "opened", "", "clicked", "", "goals", "", "revenue"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in figures:
        table.add_row(
            one.flow,
            *(f"{getattr(one, name):,}" for name in (*journeys, "sent")),
            seen(one.opened, one),
            f"[dim]{share(one.open_rate)}[/]",
            seen(one.clicked, one),
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
        goals = f"{counted(one.goals, 'goal')} ({share(one.goal_rate)})"
        print_parts(console, [*mail_parts(one), goals, _revenue(one)])


def _followed(figures: list[FlowFigures]) -> Iterator[tuple[str, str]]:
    """Yield the flows of which not every mail may be followed, with what their rates are of."""
    for one in figures:
        if one.followed < one.sent:
            some = f"{one.followed:,} of {one.sent:,} mails may be followed; opened and clicked are of these"
            yield one.flow, some if one.followed else f"none of {counted(one.sent, 'mail')} may be followed: {WHY_NONE}"


def _journeys(one: FlowFigures) -> str:
    """Return where those who entered are: the parts make up the whole."""
    rare = ((one.failed, "failed"), (one.control, "set aside"))
    told = [f"{one.entered:,} entered", f"{one.waiting:,} waiting", f"{one.done:,} done", f"{one.exited:,} exited"]
    return " · ".join([*told, *(f"{count:,} {word}" for count, word in rare if count)])


def _revenue(one: FlowFigures) -> str:
    return " + ".join(amount(total, currency) for currency, total in sorted(one.revenue.items())) or "–"


def _counted(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{count:,} {state}" for state, count in sorted(counts.items()))


def begin_of(since: str | None, now: datetime, zone: str) -> datetime | None:
    """Return the moment that an option means by a date or a time ago; None where it was not given.

    Raises:
        click.BadParameter: it is neither.
    """
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
        "followed": one.followed,
        "unknown": one.unknown,
        "undelivered": one.undelivered,
        "skipped": one.skips,
        "to_staff": one.to_staff,
        "opened": one.opened,
        "open_rate": one.open_rate,
        "clicked": one.clicked,
        "click_rate": one.click_rate,
        "goals": one.goals,
        "goal_rate": one.goal_rate,
        "goal_revenue": {currency: str(total) for currency, total in one.goal_revenue.items()},
        "orders": one.orders,
        "revenue": {currency: str(total) for currency, total in one.revenue.items()},
    }


commands = (report,)
