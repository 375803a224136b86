"""A customer's story in lines for a terminal: each line is parts of text with a style."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.consents import PENDING
from worker.domain.customers import Customer
from worker.domain.journeys import JourneyState
from worker.domain.setting_groups import Shop
from worker.domain.tasks import Task, TaskState
from worker.edges.moments import day, moment
from worker.edges.telling_effects import effect, webhook_part
from worker.edges.telling_mails import mail_parts, staff_parts
from worker.edges.telling_waits import moved_part, overtaken, wait_part
from worker.storage.erasure import CLEARED
from worker.storage.stories import Asked, EventStory, FlowStory, JourneyStory, Line, Refusal, Story

Part = tuple[str, str]  # text and style
Told = list[Part]

NAME = 22  # characters of the column with names
STEP = 20  # characters of the column with steps
_ENDS = {
    JourneyState.WAITING: ("under way", "cyan"),
    JourneyState.CONTROL: ("set aside as control: receives nothing", "dim"),
    JourneyState.DONE: ("done", "green"),
    JourneyState.EXITED: ("exited", "yellow"),
    JourneyState.FAILED: ("failed", "red"),
}


def tell(story: Story, shop: Shop, now: datetime) -> Iterator[Told]:
    """Yield the lines of a story; times are in the customer's zone.

    Parameters:
        now: the shop's time, for what is still to come.
    """
    zone = ZoneInfo(story.customer.timezone or shop.timezone)
    yield _head(story, shop, zone)
    if not story.flows:
        yield [("no flow is published yet", "dim")]
    for flow in story.flows:
        for journey in flow.journeys:
            yield from _journey(flow, journey, shop, zone, now)
        if flow.refusals or not flow.journeys:
            yield from _not_entered(flow, shop, zone)
    if story.events:
        yield [("events", "bold")]
    for event in story.events:
        order = f" {event.order_number}" if event.order_number else ""
        history = " (history)" if event.history else ""
        note = f"  {_note(event)}" if _note(event) else ""
        yield [(f"  {moment(event.at, shop, zone.key)}  ", "dim"), (event.type + order + history, ""), (note, "yellow")]


def _note(event: EventStory) -> str:
    match event.state:
        case "refused":
            return f"set aside, it could not be processed: {event.note}"
        case "received":
            return "not processed yet" + (f", it failed: {event.note}" if event.note else "")
        case _:
            return event.note or ""


def _head(story: Story, shop: Shop, zone: ZoneInfo) -> Told:
    customer = story.customer
    parts = [
        customer.name or customer.first_name or "(no name)",
        customer.external_id or f"#{customer.id}",
        customer.language or f"{shop.language} (the shop's)",
        customer.timezone or f"{shop.timezone} (the shop's)",
        *_consents(story, zone),
    ]
    if customer.email is None:
        parts.append("no e-mail address")
    if customer.consent.suppressed:
        parts.append(f"suppressed ({customer.consent.suppressed})")
    if (stop := customer.consent.marketing_suppressed) is not None:
        parts.append(f"no marketing since {day(stop.at.astimezone(zone))}, by a flow ({stop.reason})")
    return [(parts[0], "bold"), ("".join(f" · {part}" for part in parts[1:]), "")]


def _consents(story: Story, zone: ZoneInfo) -> Iterator[str]:
    customer: Customer = story.customer
    said = {change.purpose.value: change for change in story.consents}
    for purpose, state in (("marketing", customer.consent.marketing), ("tracking", customer.consent.tracking)):
        word = {"subscribed": "yes", "unsubscribed": "no"}.get(state.value, "not known")
        change = said.get(purpose)
        word = "asked to confirm" if change and change.state == PENDING and word != "yes" else word
        yield f"{purpose} {word}" + (f" ({change.source}, {day(change.at.astimezone(zone))})" if change else "")


def _journey(flow: FlowStory, journey: JourneyStory, shop: Shop, zone: ZoneInfo, now: datetime) -> Iterator[Told]:
    state, colour = _ENDS[journey.state]
    entered = next((line for line in journey.lines if line.kind == "entered"), None)
    by = _cause(entered.detail) if entered else ""
    yield [
        (f"{flow.flow} v{journey.version}".ljust(NAME), "bold"),
        (f" entered {moment(journey.entered_at, shop, zone.key)}{by}", ""),
        (f"  {state}" + (f": {journey.reason}" if journey.reason else ""), colour),
        ("  flow is paused" if flow.paused else "", "yellow"),
    ]
    if entered is not None:
        yield from _seen(entered.detail.get("seen"), NAME + 1)
    shown, over = "", overtaken(journey.lines)
    for place, line in enumerate(journey.lines):
        if line.kind in ("entered", "done"):  # the journey's own line says both
            continue
        on = day(line.at.astimezone(zone))
        if on != shown and shown:
            yield [(f"  {on}", "dim")]
        shown = on
        yield from _line(line, journey, place in over, shop, zone, now)


def _line(line: Line, journey: JourneyStory, over: bool, shop: Shop, zone: ZoneInfo, now: datetime) -> Iterator[Told]:
    """Yield a line of the trace, and of what decided.

    Parameters:
        over: whether the time that the line names holds no more.
    """
    head: Part = (f"  {line.at.astimezone(zone):%H:%M}  ", "dim")
    name = line.step or ""
    detail = line.detail
    tasks = {task.step: task for task in journey.tasks}
    if detail.get(CLEARED) and "way" not in detail:
        yield [head, (name.ljust(STEP), ""), (f" {line.kind}", ""), ("  what was seen is no longer kept", "dim")]
        return
    match line.kind:
        case "send":
            mail = next((one for one in reversed(journey.mails) if one.step == line.step), None)
            staff = [one for one in journey.staff_mails if one.step == line.step]
            became = mail_parts(mail, shop, zone, now) if mail else staff_parts(staff, detail, shop, zone, now)
            yield [head, (name.ljust(STEP), ""), *became]
        case "wait":
            yield [head, (name.ljust(STEP), ""), wait_part(line, over, shop, zone)]
        case "migrated":
            yield [head, (line.kind.ljust(STEP), ""), moved_part(line, over, shop, zone)]
        case "webhook":
            row = next((one for one in reversed(journey.webhooks) if one.step == line.step), None)
            yield [head, (name.ljust(STEP), ""), webhook_part(line, row, shop, zone, now)]
        case "task":
            yield [head, (_of_task(name, tasks, shop), ""), *_task(tasks.get(line.step), shop, zone, now)]
            yield from _seen(detail.get("seen"), NAME + 1)
        case "waited" if detail.get("task"):
            yield [head, (_of_task(name, tasks, shop), ""), (" goes on, the task is closed", "")]
        case "waited":
            yield [
                head,
                (name.ljust(STEP), ""),
                (" goes on, " + ("because" if detail.get("until") else "its time has come"), ""),
            ]
            yield from _seen(detail.get("until"), NAME + 1)
        case "fork":
            yield [head, (name.ljust(STEP), ""), (f" takes '{detail['way']}'", "")]
            yield from _seen(detail.get("seen"), NAME + 1)
        case "coupon":
            end = f", good until {moment(datetime.fromisoformat(detail['until']), shop)}" if "until" in detail else ""
            yield [head, (name.ljust(STEP), ""), (f" gave {detail.get('code') or detail['coupon']}{end}", "green")]
        case "exit":
            yield [head, ("exit".ljust(STEP), "yellow"), (f" {_exit(detail)}", "")]
            yield from _seen(detail.get("seen"), NAME + 1)
        case "goal":
            yield [head, ("goal".ljust(STEP), "green"), (f" reached{_cause(detail)}", "")]
        case _:
            name, told, colour = effect(line.kind, line.step, detail)
            yield [head, (name.ljust(STEP), ""), (f" {told}".rstrip(), colour)]


def _of_task(name: str, tasks: Mapping[str | None, Task], shop: Shop) -> str:
    """Return what the column of steps says of a task: the step's name, or what it came to where that is a text with
    values; cut to the column."""
    task = tasks.get(name)
    shown = (task.title_in(shop.language) if task is not None and "{{" in name else "") or name
    return (shown if len(shown) <= STEP else shown[: STEP - 1].rstrip() + "…").ljust(STEP)


def _task(task: Task | None, shop: Shop, zone: ZoneInfo, now: datetime) -> list[Part]:
    """Return what became of a task; there is none where nothing was left to do when the journey came to it."""
    if task is None:
        return [(" no task: nothing is left to do", "dim")]
    if task.closed_at is not None:
        colour = "green" if task.state is TaskState.DONE else "yellow"
        outcome = f" {task.outcome.value}" if task.outcome is not None else ""
        return [(f"{outcome}, by {task.closed_by} {moment(task.closed_at, shop, zone.key)}", colour)]
    whose = f" task of {task.assignee}" if task.assignee else " task of nobody"
    due = f", due {moment(task.due_at, shop, zone.key)}" if task.due_at is not None else ""
    return [(whose + due, "red" if task.late(now) else "cyan")]


def _not_entered(flow: FlowStory, shop: Shop, zone: ZoneInfo) -> Iterator[Told]:
    name: Part = (flow.flow.ljust(NAME), "bold")
    if flow.status != "live" or flow.paused:
        state = "paused by hand" if flow.paused else flow.status
        yield [name, (f" takes nobody in: it is {state}", "yellow")]
        return
    several = len(flow.triggers) > 1
    for asked in flow.asked:
        yield [name, (f" not entered   {_asked(asked, shop, zone, several)}", ""), ("  (asked now)", "dim")]
        yield from _seen(asked.seen, NAME + 1)
    if not flow.refusals and not flow.asked:
        yield [name, (f" not entered   nothing came that starts it ({', '.join(flow.triggers)})", "dim")]
        return
    for refusal in flow.refusals:
        times = f", {refusal.times} times" if refusal.times > 1 else ""
        when = moment(refusal.at, shop, zone.key)
        yield [name, (f" not entered   {refusal.event} of {when}{times}: {_refusal(refusal)}", "")]
        yield from _seen(refusal.detail.get("seen"), NAME + 1)


def _asked(asked: Asked, shop: Shop, zone: ZoneInfo, several: bool) -> str:
    """Return what a trigger says now; which one it is is told where the flow has several."""
    match asked.reason:
        case "date":
            reason = f"{asked.about} is not known"
        case "segment":
            reason = f"not in the segment '{asked.about}'"
        case "when":
            reason = "its condition does not hold"
        case _ if asked.comes is None:
            return f"nothing is to come ({asked.trigger})"
        case _:
            return f"comes {moment(asked.comes, shop, zone.key)} ({asked.trigger})"
    return f"{reason} ({asked.trigger})" if several else reason


def _refusal(refusal: Refusal) -> str:
    detail = refusal.detail
    match refusal.reason:
        case "when":
            return "its condition does not hold"
        case "once" if "key" in detail:
            return f"entered before ({detail['key']})"
        case "once":
            return f"entered before, {detail.get('once', '')} only"
        case "event too old":
            return f"too old: {detail.get('hours')} hours, and the flow takes {detail.get('limit')}"
        case "paused":
            return "it was paused"
        case "under way":
            return "it was under way already"
        case "failed":
            return f"it could not be decided: {detail.get('error', '')}"
        case other:
            return other


def _seen(seen: object, indent: int) -> Iterator[Told]:
    """Yield a line for each part of a condition that decided: the part, what it saw, whether it held."""
    if not isinstance(seen, Sequence) or isinstance(seen, str):
        return
    for one in seen:
        values = ", ".join(
            _value(value) if len(one["seen"]) == 1 else f"{name} {_value(value)}" for name, value in one["seen"].items()
        )
        mark = ("✓", "green") if one["holds"] else ("✗", "red")
        told = f"  {values}" if values else ""
        yield [(" " * indent, ""), mark, (f" {one['text']}", "dim"), (told, "")]


def _value(value: Any) -> str:
    if value is None:
        return "is not known"
    if isinstance(value, bool):
        return "is yes" if value else "is no"
    if isinstance(value, list):
        return "is " + (", ".join(str(item) for item in value) or "empty")
    return f"is {value:,}" if isinstance(value, (int, float)) else f"is {value}"


def _cause(detail: Mapping[str, Any]) -> str:
    order = f" {detail['order']}" if detail.get("order") else ""
    if detail.get("trigger"):
        return f" by {detail['trigger']}"
    return f" by {detail['event']}{order}" if detail.get("event") else ""


def _exit(detail: Mapping[str, Any]) -> str:
    return _cause(detail).strip() or str(detail.get("when") or detail.get("reason") or "")
