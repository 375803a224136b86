"""What an import says at the terminal: how a file is read, what is in it, what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.domain.event_data import shown
from worker.domain.setting_groups import Shop
from worker.edges.importing.columns import Column
from worker.edges.importing.faults import SHOWN, CellError
from worker.edges.importing.reading import NAMES
from worker.edges.importing.running import Tally
from worker.edges.importing.survey import Plan
from worker.edges.importing.targets import Kind, Subject
from worker.edges.moments import amount, moment
from worker.language.yaml.diagnostics import counted

_MANY = 10  # entries of a list that is told
_TEXTS = (Kind.TEXT, Kind.LONG, Kind.CODE)  # kept as they are written


def tell_plan(console: Console, plan: Plan) -> None:
    """Say how the file is read: encoding, separator, columns."""
    sheet = plan.sheet
    apart = NAMES.get(sheet.separator, f"'{sheet.separator}'")
    single = "one column" if len(sheet.header) == 1 else f"{len(sheet.header)} columns, parted by {apart}"
    console.print(
        Text.assemble((str(sheet.path), "bold"), f"  {sheet.encoding.title}; {single}; {counted(plan.rows, 'row')}")
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("column", "is read as", "for example"):
        table.add_column(name, overflow="fold")
    for column in plan.mapped.columns:
        how = plan.how(column)
        name = column.target.name + (f" ({how})" if how else "")
        table.add_row(Text(shown(column.title)), Text(name), Text(_example(plan, column), "dim"))
    console.print(table)
    if plan.mapped.left_out:
        told = (f"{shown(one.title)} ({one.reason})" for one in plan.mapped.left_out)
        _line(console, "left out", ", ".join(told))


def tell_tally(console: Console, plan: Plan, tally: Tally, shop: Shop, *, written: bool) -> None:
    """Say what the file holds, and what became of it."""
    people = counted(len(tally.customers), "customer")
    if plan.mapped.subject is Subject.ORDERS:
        _line(console, "orders", f"{tally.records:,} with {counted(tally.lines, 'line')}, of {people}")
        off = f"; {counted(tally.off, 'order')} not counted, cancelled or refunded" if tally.off else ""
        revenue = " + ".join(amount(total, currency) for currency, total in sorted(tally.revenue.items()))
        _line(console, "revenue", (revenue or "none") + off)
    else:
        again = f"; {counted(tally.repeated, 'row')} of a customer named before, of whom the later row counts"
        _line(console, "customers", f"{len(tally.customers):,}" + (again if tally.repeated else ""))
    if tally.first is not None and tally.last is not None:
        _line(console, "from", f"{moment(tally.first, shop)} to {moment(tally.last, shop)}")
    if tally.unknown_statuses:
        _line(
            console, "statuses", f"kept as they are, and the order counts: {_counted(tally.unknown_statuses)}", "yellow"
        )
        _line(console, "", "where one means that it does not count: --status 'WORD=cancelled'")
    done = f"{tally.fresh:,} {'written' if written else 'to write'}, {tally.known:,} there already"
    _line(console, "events", done)
    if tally.unprocessed:
        _line(console, "", f"{tally.unprocessed:,} could not be processed yet; the log says why", "yellow")


def tell_refused(console: Console, tally: Tally, path: Path | None) -> None:
    """Say which lines are refused and why."""
    refusals = tally.refusals
    if not refusals.lines:
        return
    _line(console, "refused", f"{counted(refusals.lines, 'line')}; by column: {_counted(refusals.columns)}", "red")
    for fault in refusals.first:
        console.print(Text(f"  line {fault.line}: {fault}"), soft_wrap=True)
    more = sum(refusals.columns.values()) - SHOWN
    if more > 0:
        console.print(Text(f"  and {counted(more, 'more fault')}", "dim"))
    if path is not None:
        _line(console, "", f"the refused lines are in {path}; mend them there and import that file")
    else:
        _line(console, "", "--refused FILE.csv writes them to a file, to be mended and imported")


def _example(plan: Plan, column: Column) -> str:
    """Return a cell of the column, and what it is read as where that is written otherwise."""
    written = plan.examples.get(column.index, "")
    try:
        value = plan.cells().read(column, written)
    except CellError:
        return shown(written)
    answer = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else value
    same = answer is None or str(answer) == written or column.target.kind in _TEXTS
    return shown(written) if same else f"{shown(written)} → {answer}"


def _line(console: Console, name: str, text: str, style: str = "") -> None:
    console.print(Text.assemble((f"{name:<10}", "dim"), (text, style)), soft_wrap=True)


def _counted(counts: Mapping[str, int]) -> str:
    ordered: Iterable[tuple[str, int]] = sorted(counts.items(), key=lambda one: -one[1])
    told = [f"{shown(word)} {count:,}" for word, count in ordered]
    return " · ".join(told[:_MANY]) + (" …" if len(told) > _MANY else "")
