"""Why nobody (or so few) entered a flow, in lines for a terminal: each line is parts of text with a style."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from worker.domain.flows import Flow
from worker.domain.refusals import Failed
from worker.domain.setting_groups import Shop
from worker.edges.moments import moment
from worker.edges.telling import Told
from worker.engine.refusing import Entries, OfClock, OfEvents
from worker.storage.shortfall import Shortfall

_REASONS = {
    "once": "had entered before (once)",
    "paused": "came while the flow was paused",
    "event too old": "were too old when they came in",
    "failed": "could not be decided: the log has the error",
    "under way": "came while a journey was under way",
    "circle": "would have gone round in a circle of flows",
}
TEXT = 44  # characters of the column with parts of conditions


def tell_entries(found: Entries, flow: Flow, state: str, since: datetime, shop: Shop) -> Iterator[Told]:
    """Yield the lines of what kept customers out of a flow.

    Parameters:
        state: whether the flow takes anybody now, in words; empty where it does.
    """
    entered = "nobody entered" if not found.entered else f"{found.entered:,} entered"
    yield [(flow.name, "bold"), (f" · {entered} since {moment(since, shop)}", "" if found.entered else "yellow")]
    if state:
        yield [(f"  {state}", "yellow")]
    for events in found.of_events:
        yield from _of_events(events, flow)
    for clock in found.of_clock:
        yield from _of_clock(clock, flow, shop)


def _of_events(one: OfEvents, flow: Flow) -> Iterator[Told]:
    if not one.reported:
        yield [(f"  no {one.event} was reported in this time", "yellow")]
        return
    said = f"  {one.reported:,} {one.event} event" + ("" if one.reported == 1 else "s")
    asides = [
        f"{number:,} {what}"
        for number, what in ((one.history, "loaded as history"), (one.unprocessed, "not processed"))
        if number
    ]
    yield [(said, "bold"), (f" · {' · '.join(asides)}" if asides else "", "dim")]
    refused = one.refused
    if not refused.events:
        why = "history starts no flow" if one.history == one.reported else "the flow was not live when they came"
        yield [(f"    the flow was offered none of them: {why}", "yellow")]
        return
    if refused.entered:
        yield [(f"    {refused.entered:>7,} entered", "green")]
    for reason, times in refused.reasons.items():
        yield [(f"    {times:>7,} {_REASONS.get(reason.partition(':')[0], reason)}", "yellow")]
    for part in refused.failed:
        yield _failed(part)
    if refused.failed and flow.when is not None and len(refused.failed) > 1:
        yield [("            one event may fail several", "dim")]


def _of_clock(one: OfClock, flow: Flow, shop: Shop) -> Iterator[Told]:
    comes = f"next on {moment(one.comes, shop)}" if one.comes is not None else "does not come any more"
    if one.segment is not None:
        yield [(f"  {one.trigger}", "bold"), ("  whoever comes into it from now on", "dim")]
        yield [(f"    {one.segment.held:>7,} of {_customers(one.segment)} are in the segment now", "")]
        yield from (_failed(part) for part in one.segment.failed)
        if flow.when is not None:
            yield [("    and of all customers, 'when' holds for " + f"{one.shortfall.held:,}", "")]
            yield from (_failed(part) for part in one.shortfall.failed)
        return
    yield [(f"  {one.trigger}", "bold"), (f"  {comes}", "dim" if one.comes else "yellow")]
    yield [(f"    {one.shortfall.held:>7,} of {_customers(one.shortfall)} may enter, asked with today's facts", "")]
    if one.shortfall.undated:
        yield [(f"    {one.shortfall.undated:>7,} have no date there", "yellow")]
    yield from (_failed(part) for part in one.shortfall.failed)


def _customers(of: Shortfall) -> str:
    return f"{of.customers:,} customer" + ("" if of.customers == 1 else "s")


def _failed(part: Failed) -> Told:
    notes: list[str] = []
    if part.side is not None:
        notes.append(f"the {part.side} was {_value(part.extreme)}")
    if part.missing:
        notes.append("it was not known" if part.missing == part.times else f"not known of {part.missing:,}")
    if part.seen:
        notes.append("seen: " + ", ".join(f"{value} ({times:,})" for value, times in part.seen))
    return [
        (f"    {part.times:>7,} failed  ", "yellow"),
        (part.text.ljust(TEXT), ""),
        ("  " + " · ".join(notes), "dim"),
    ]


def _value(value: float | int | str | None) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{int(value):,}"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
