"""Tasks in lines and tables for a terminal, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table
from rich.text import Text

from worker.domain.setting_groups import Shop
from worker.domain.staff import Staff, away_until
from worker.domain.tasks import Priority, Task
from worker.edges.moments import amount, moment
from worker.storage.dossier import Dossier


def table(found: Sequence[Task], staff: Staff, shop: Shop, now: datetime) -> Table:
    """Return tasks as a table, in their order; who is on leave stands with the day on which they are back."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("task", justify="right", no_wrap=True)
    shown.add_column("due", no_wrap=True)
    shown.add_column("what", ratio=1)
    shown.add_column("who", no_wrap=True)
    shown.add_column("state", no_wrap=True)
    for task in found:
        late = task.late(now)
        due = _short(task.due_at, now, shop) if task.due_at else "–"
        title = task.title_in(shop.language) or "(erased)"
        state = f"[red]late[/] {task.state.value}" if late else task.state.value
        shown.add_row(
            str(task.id),
            f"[red]{due}[/]" if late else due,
            Text.assemble(title, (" !" if task.priority is Priority.HIGH else "", "red")),
            _who(task, staff, now),
            state,
        )
    return shown


def _who(task: Task, staff: Staff, now: datetime) -> str:
    person = staff.people.get(task.assignee or "")
    back = None if person is None or not task.is_open else away_until(person, now)
    if person is None or back is None:
        return task.assignee or "nobody"
    return f"{person.key}, back {_day(back.astimezone(person.zone))}"


def _day(local: datetime) -> str:
    return f"{local.day} {local:%b}"


def _short(at: datetime, now: datetime, shop: Shop) -> str:
    zone = ZoneInfo(shop.timezone)
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"today {local:%H:%M}"
    if local.date() == (today + timedelta(days=1)).date():
        return f"tomorrow {local:%H:%M}"
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def told(known: Dossier, staff: Staff, shop: Shop, now: datetime) -> list[Text]:
    """Return what there is to know of a task, line by line."""
    task, customer = known.task, known.customer
    due = f"{'late since' if task.late(now) else 'due'} {moment(task.due_at, shop)}" if task.due_at else "no due time"
    lines = [
        Text.assemble((f"Task {task.id} · ", "dim"), (task.title_in(shop.language) or "(erased)", "bold")),
        Text(
            f"  {task.type.value} · {task.priority.value} · {task.state.value} · {due}", "red" if task.late(now) else ""
        ),
    ]
    if task.note_in(shop.language):
        lines += [Text(f"  {line}") for line in str(task.note_in(shop.language)).splitlines()]
    person = staff.people.get(task.assignee or "")
    back = None if person is None or not task.is_open else away_until(person, now)
    away = "" if back is None else f", away until {moment(back, shop)}"
    lines.append(
        Text(f"  whose     {name(staff, task.assignee)}" + (f" (role {task.role})" if task.role else "") + away)
    )
    if task.snoozed_until and task.is_open and task.snoozed_until > now:
        lines.append(Text(f"  put off   until {moment(task.snoozed_until, shop)}"))
    if task.closed_at is not None:
        outcome = task.outcome.value if task.outcome else ""
        remark = f" – {task.remark}" if task.remark else ""
        by = name(staff, task.closed_by)
        lines.append(Text(f"  closed    {moment(task.closed_at, shop)} by {by}: {outcome}{remark}"))
    if task.flow:
        lines.append(Text(f"  from      {task.flow}, step {task.step}"))
    if customer is not None:
        who = (
            "(erased)"
            if customer.erased
            else f"{customer.name or customer.first_name or '(no name)'} · {customer.external_id or f'#{customer.id}'}"
        )
        phone = f" · {customer.phone}" if customer.phone and not customer.erased else ""
        lines.append(Text(f"  customer  {who}{phone}"))
    lines += [
        Text(
            f"  order     {one.number} · {one.status} · {amount(one.total, one.currency)}"
            + (f" · {moment(one.placed_at, shop)}" if one.placed_at else "")
        )
        for one in known.orders
    ]
    lines += [
        Text(f"  mail      {moment(one.at, shop)} · {one.state} · {one.subject or one.template}") for one in known.mails
    ]
    lines += [Text(f"  request   {one.number} · {one.subject or ''}") for one in known.requests]
    return lines


def name(staff: Staff, key: str | None) -> str:
    """Return who a key means, for a person to read."""
    person = staff.people.get(key or "")
    return f"{person.name} ({key})" if person else key or "nobody"


def as_json(task: Task, now: datetime) -> dict[str, Any]:
    """Return a task for programs."""
    return {
        "number": task.id,
        "state": task.state.value,
        "late": task.late(now),
        "type": task.type.value,
        "priority": task.priority.value,
        "title": dict(task.title),
        "note": dict(task.note),
        "assignee": task.assignee,
        "role": task.role,
        "flow": task.flow,
        "step": task.step,
        "customer": task.customer_id,
        "order": task.order_number,
        "request": task.request,
        "created_at": task.created_at.isoformat(),
        "due_at": task.due_at.isoformat() if task.due_at else None,
        "snoozed_until": task.snoozed_until.isoformat() if task.snoozed_until else None,
        "closed_at": task.closed_at.isoformat() if task.closed_at else None,
        "closed_by": task.closed_by,
        "outcome": task.outcome.value if task.outcome else None,
        "remark": task.remark,
    }
