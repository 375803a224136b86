"""What a backtest found, as lines for a terminal and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from worker.domain.steps import Send, TaskStep, walk
from worker.edges.moments import amount, day, share
from worker.rehearsal.backtest.playing import Backtest
from worker.rehearsal.backtest.samples import Written
from worker.rehearsal.backtest.tally import Bar, Tally

_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"  # for days without a mail
_WIDEST = 60
_MOST = 4  # parts of `when` that are told
_REASONS = {"when": "'when' does not hold", "once": "entered before", "event too old": "event too old"}


def lines(found: Backtest, written: Written | None, folder: str, width: int) -> Iterator[RenderableType]:
    """Yield what is printed.

    Parameters:
        folder: where the samples are, as a person names it.
        width: of the terminal, in characters.
    """
    tally, flow, window = found.tally, found.question.flow, found.question.window
    zone = ZoneInfo(found.question.settings.shop.timezone)
    last = (window.until - timedelta(microseconds=1)).astimezone(zone)
    yield f"[bold]{escape(flow.name)}[/] · {day(window.since.astimezone(zone))} to {day(last)}"
    held = tally.held_back.total()
    yield (
        f"  {_many(tally.looked_at, 'customer')} looked at · [bold]{_people(tally)} would have entered[/]"
        f" · {_many(tally.mails, 'mail')} · {held:,} held back{_reasons(_by_reason(tally))}"
    )
    if tally.not_entered:
        said = {_REASONS.get(name, name): count for name, count in tally.not_entered.items()}
        yield f"  not entered: {_listed(said)}"
    for part, count in tally.failing.most_common(_MOST):
        yield f"    [dim]{escape(part)} did not hold {_times(count)}[/]"
    if tally.sent or tally.held_back or tally.staff:
        yield _by_step(found)
    if tally.done:
        yield f"  also: {_listed({f'{verb} {escape(step)}': n for (verb, step), n in tally.done.items()})}"
    if tally.ends:
        yield f"  journeys: {_listed(_ends(tally))}"
    busiest = tally.busiest()
    if busiest is not None:
        days, bars = _spark(found, zone, min(_WIDEST, max(10, width - 60)))
        most = f"at most {busiest[1]:,} on {_day(busiest[0])}"
        each = "a day" if days == 1 else f"each {days} days"
        yield f"  mails {each}  [green]{bars}[/]   {most}"
    yield from _bar(found)
    if written is not None and written.files:
        yield f"  {_many(len(written.files), 'sample')} in {folder}/"
    yield from _remarks(found, written)


def as_json(found: Backtest, written: Written | None) -> dict[str, Any]:
    """Return all that was counted."""
    tally, window, bar = found.tally, found.question.window, found.tally.bar
    return {
        "flow": found.question.flow.name,
        "since": window.since.isoformat(),
        "until": window.until.isoformat(),
        "customers": tally.looked_at,
        "people": tally.people,
        "entered": tally.entered,
        "holdout": tally.set_aside,
        "restarted": tally.restarted,
        "not_entered": dict(sorted(tally.not_entered.items())),
        "not_holding": dict(tally.failing.most_common()),
        "mails": tally.mails,
        "sent": dict(tally.sent),
        "to_staff": dict(tally.staff),
        "held_back": [
            {"step": step, "reason": reason, "mails": n} for (step, reason), n in sorted(tally.held_back.items())
        ],
        "mails_a_day": {one.isoformat(): n for one, n in sorted(tally.days.items())},
        "done": [{"verb": verb, "step": step, "times": n} for (verb, step), n in sorted(tally.done.items())],
        "journeys": [
            {"state": state, "reason": why or None, "count": n} for (state, why), n in sorted(tally.ends.items())
        ],
        "goal": None
        if bar is None
        else {
            "event": bar.event,
            "within_days": bar.within / timedelta(days=1),
            "entries": bar.entries,
            "reached": bar.reached,
            "rate": bar.rate,
            "still_running": bar.running,
            "revenue": {currency: str(value) for currency, value in sorted(bar.revenue.items())},
        },
        "samples": [str(path) for path in written.files] if written else [],
        "sample_faults": list(written.faults) if written else [],
        "was_live": found.was_live,
        "failed": dict(sorted(tally.failed.items())),
    }


def _by_step(found: Backtest) -> Table:
    tally = found.tally
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("  mail")
    table.add_column("sent", justify="right")
    table.add_column("held back")
    for step in walk(found.question.flow.steps):
        if not isinstance(step, Send):
            continue
        held = {reason: n for (name, reason), n in tally.held_back.items() if name == step.name}
        sent = tally.staff[step.name] if step.to is not None else tally.sent[step.name]
        name = escape(step.name) + (f" [dim](to {escape(step.to)})[/]" if step.to is not None else "")
        table.add_row(f"  {name}", f"{sent:,}", _listed(held))
    return table


def _bar(found: Backtest) -> Iterator[str]:
    bar = found.tally.bar
    if found.was_live:
        return  # they had its mails: what they did is no bar, which `_remarks` says
    if bar is None:
        yield "  [dim]the flow has no goal; with one, this tells how many reach it without the flow[/]"
    elif bar.entries:
        revenue = ", ".join(amount(value, currency) for currency, value in sorted(bar.revenue.items()))
        worth = f", {revenue}" if revenue else ""
        yield (
            f"  [bold]{bar.reached:,} of the {bar.entries:,} ({share(bar.rate)})[/] {_reached(bar)} anyway{worth}"
            " – the bar this flow has to beat"
        )
        if bar.running:
            yield f"  [dim]of {bar.running:,} of them the time was not over at the end[/]"


def _remarks(found: Backtest, written: Written | None) -> Iterator[str]:
    """Yield what a person should know before they believe the figures."""
    tally, flow = found.tally, found.question.flow
    if found.was_live:
        yield (
            f"  [yellow]the flow was live in this time and began {_many(found.was_live, 'journey')}: "
            "what customers did is with its mails, so it is no bar for the flow[/]"
        )
    steps = list(walk(flow.steps))
    if any(isinstance(step, TaskStep) and step.hold and step.close_when is None for step in steps):
        yield "  [dim]nobody did the tasks: journeys that wait for one stand there to the end[/]"
    for fault in written.faults if written is not None else ():
        yield f"  [red]a sample cannot be rendered: {escape(fault)}[/]"
    for fault, count in sorted(tally.failed.items()):
        yield f"  [red]{_many(count, 'customer')} could not be played: {escape(fault)}[/]"


def _spark(found: Backtest, zone: ZoneInfo, width: int) -> tuple[int, str]:
    """Return how many days each bar stands for, and the bars."""
    window, counts = found.question.window, found.tally.days
    first = window.since.astimezone(zone).date()
    total = (max(counts) - first).days + 1
    last = (window.until - timedelta(microseconds=1)).astimezone(zone).date()
    total = max(total, (last - first).days + 1)
    each = -(-total // width)
    sums: Counter[int] = Counter()
    for one, count in counts.items():
        sums[(one - first).days // each] += count
    highest = max(sums.values())
    bars = (sums[place] for place in range(-(-total // each)))
    return each, "".join(_BARS[-(-count * 8 // highest) - 1] if count else _NONE for count in bars)


def _ends(tally: Tally) -> dict[str, int]:
    said: Counter[str] = Counter()
    for (state, reason), count in tally.ends.items():
        name = {"done": "ran to the end", "waiting": "under way at the end", "control": "set aside"}.get(state, state)
        said[f"{name}: {escape(reason)}" if reason else name] += count
    return dict(said)


def _by_reason(tally: Tally) -> dict[str, int]:
    said: Counter[str] = Counter()
    for (_, reason), count in tally.held_back.items():
        said[reason] += count
    return dict(said)


def _reached(bar: Bar) -> str:
    within = _many(round(bar.within / timedelta(days=1)), "day")
    if bar.within < timedelta(days=1):
        within = _many(round(bar.within / timedelta(hours=1)), "hour")
    done = "bought" if bar.event == "purchase" else f"came to {escape(bar.event)}"
    return f"{done} within {within}"


def _people(tally: Tally) -> str:
    return f"{tally.people:,}" if tally.people == tally.entered else f"{tally.people:,} ({tally.entered:,} times)"


def _reasons(counts: Mapping[str, int]) -> str:
    said = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return f" ({', '.join(f'{name} {count:,}' for name, count in said)})" if said else ""


def _listed(counts: Mapping[str, int]) -> str:
    said = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return " · ".join(f"{name} {count:,}" for name, count in said)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _day(one: date) -> str:
    return day(datetime(one.year, one.month, one.day, 12))  # noqa: DTZ001 -- a day of the calendar, only to be written
