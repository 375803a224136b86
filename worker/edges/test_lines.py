"""What came of flow tests, as people read it: expected and seen side by side, and the steps that no test reached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.flow_tests import Expected, What
from worker.rehearsal.comparing import Pair, Verdict
from worker.rehearsal.coverage import Coverage, Gap
from worker.rehearsal.timeline import Seen

FIRST, OTHER = "▶", "≠"  # before the first line that differs, and before the others
LACKING, SURPLUS = "−", "+"  # in place of words, with a legend beneath: of lines that stand alone
_LEGEND = {LACKING: "expected, and did not happen", SURPLUS: "happened, and was not expected"}
_WIDEST = 30  # columns for what differs
_ASKED = {
    What.SEND: ("to", "subject"),
    What.SKIP: ("to", "reason"),
    What.TASK: ("to", "due"),
    What.REMINDER: ("kind", "to"),
    What.COUPON: ("code",),
    What.GOAL: ("send",),
    What.HELD: ("reason",),
    What.ENTER: ("reason", "event"),
}


def show_failure(console: Console, verdict: Verdict) -> None:
    """Print a test that failed: where it stands, both timelines, and what decided where that is known."""
    test = verdict.test
    console.print(f"[red bold]FAILED[/] [bold]{escape(test.flow)}[/]: {escape(test.name)}", highlight=False)
    console.print(f"  {escape(str(test.place))}", style="dim", highlight=False)
    for fault in verdict.faults:
        console.print(f"  [red]{escape(fault)}[/]", highlight=False)
    if not all(pair.agrees for pair in verdict.pairs):
        console.print(_table(verdict))
        alone = {sign for pair in verdict.pairs if (sign := _alone(pair))}
        if alone:
            legend = " · ".join(f"{sign} {words}" for sign, words in _LEGEND.items() if sign in alone)
            console.print(f"  {legend}\n", style="dim", highlight=False)
    for pair in verdict.pairs:
        if not pair.agrees and pair.seen is not None and pair.seen.why:
            console.print(f"  why {escape(_line(pair.seen, test.zone))}:", highlight=False)
            for one in pair.seen.why:
                console.print(f"      {escape(reason(one))}", highlight=False)
    console.print()


def _table(verdict: Verdict) -> Table:
    zone = verdict.test.zone
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("expected", ratio=5, overflow="fold")
    table.add_column("got", ratio=5, overflow="fold")
    table.add_column("", overflow="fold", max_width=_WIDEST)
    first = True
    for pair in verdict.pairs:
        mark = "" if pair.agrees else FIRST if first else OTHER
        first = first and pair.agrees
        got = "" if pair.seen is None else _line(pair.seen, zone, pair)
        expected = got if pair.agrees else "" if pair.expected is None else _line(pair.expected, zone)
        green, red = ("dim", "dim") if pair.agrees else ("green", "red")
        wrong = _alone(pair) or ", ".join(pair.wrong)
        table.add_row(mark, f"[{green}]{escape(expected)}[/]", f"[{red}]{escape(got)}[/]", escape(wrong))
    return table


def _alone(pair: Pair) -> str:
    """Return the sign of a line that has no other beside it; nothing for one that has."""
    return LACKING if pair.seen is None else SURPLUS if pair.expected is None else ""


def _line(one: Expected | Seen, zone: ZoneInfo, pair: Pair | None = None) -> str:
    """Return a line as the file would have it.

    Parameters:
        pair: whose details are shown, where it is what was seen: those that the test asks for, and the reason.
    """
    details: Mapping[str, str] = one.details
    if isinstance(one, Seen) and pair is not None and pair.expected is not None and pair.expected.what is one.what:
        details = {key: value for key, value in details.items() if key in pair.expected.details}
    shown = [
        f"{key}: {_local(datetime.fromisoformat(value), zone) if key == 'due' else value}"
        for key, value in details.items()
        if value and (key in _ASKED.get(one.what, ()) or key.startswith("with."))
    ]
    if isinstance(one, Expected):
        shown += [f"contains: {part}" for part in one.contains]
    name = "false" if one.what is What.ENTER else one.name or ""
    return ", ".join([f"{_local(one.at, zone)}  {one.what.value}: {name}", *shown])


def reason(why: Mapping[str, Any]) -> str:
    """Return one part of what decided: the condition's text with the values that it saw."""
    if "text" not in why:
        return ", ".join(f"{key}: {value}" for key, value in why.items())
    seen = ", ".join(f"{name} was {json.dumps(value, ensure_ascii=False)}" for name, value in why["seen"].items())
    return f"{why['text']}: {'held' if why.get('holds') else 'did not hold'}" + (f" ({seen})" if seen else "")


def show_coverage(console: Console, found: Sequence[Coverage], files: Mapping[str, str]) -> None:
    """Print how much of each flow its tests reached, and each step and way that none did.

    Parameters:
        files: of each flow, as it is called here.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("flow", "tests", "reached"):
        table.add_column(column, justify="left" if column == "flow" else "right", no_wrap=True)
    for one in found:
        colour = "green" if not one.gaps else "yellow" if one.tests else "red"
        share = f"[{colour}]{one.reached}/{one.places} ({percent(one.share)})[/]"
        table.add_row(escape(one.flow), str(one.tests), share)
    console.print(table)
    for one in found:
        for gap in one.gaps:
            console.print(f"{escape(files[one.flow])}:{gap.line}: {escape(gap_words(gap))}", highlight=False)


def gap_words(gap: Gap) -> str:
    """Return what was not reached, in words."""
    return f"no test reaches '{gap.step}'" if gap.way is None else f"no test goes the way '{gap.way}' of '{gap.step}'"


def percent(share: float) -> str:
    """Return a share as a percentage, rounded down: all is all."""
    return f"{int(share * 100)}%"


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return what came of a test, for programs."""
    test = verdict.test
    return {
        "test": test.name,
        "flow": test.flow,
        "file": test.place.file,
        "line": test.place.line,
        "passed": verdict.passed,
        "faults": list(verdict.faults),
        "timeline": [
            {
                "expected": None if pair.expected is None else _line(pair.expected, test.zone),
                "got": None if pair.seen is None else _line(pair.seen, test.zone, pair),
                "differs": list(pair.wrong),
                "why": [] if pair.agrees or pair.seen is None else list(pair.seen.why),
            }
            for pair in verdict.pairs
        ],
    }


def failure_text(verdict: Verdict) -> Iterator[str]:
    """Yield the lines of a failure without colour or columns."""
    yield from verdict.faults
    for pair in verdict.pairs:
        if not pair.agrees:
            expected = "nothing" if pair.expected is None else _line(pair.expected, verdict.test.zone)
            got = "nothing" if pair.seen is None else _line(pair.seen, verdict.test.zone, pair)
            yield f"expected {expected}; got {got} ({', '.join(pair.wrong)})"


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
