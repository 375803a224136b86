"""What the page of a task shows, in words: the task, the customer, their last orders and mails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from worker.delivery.formats import money, number
from worker.domain.orders import Order
from worker.domain.staff import Person, Staff, away_until
from worker.domain.tasks import PHIN, Priority, Task, TaskState
from worker.edges.web.texts import TEXTS
from worker.edges.web.texts_tasks import TASK_TEXTS
from worker.edges.web.writing import moment
from worker.storage.dossier import Dossier, MailLine
from worker.storage.requests import Request


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list: what it is, what it is worth or where it leads where there is that, and what is to be said."""

    title: str
    about: str
    value: str | None = None
    href: str | None = None
    late: bool = False


_IN_HAND = ("claimed", "transmitting")
_RETURNED = ("bounced", "complained")
_STATUS = {
    "vi": {
        "placed": "đã đặt",
        "packing": "đang đóng gói",
        "shipped": "đang giao",
        "delivered": "đã giao",
        "incident": "gặp sự cố",
        "cancelled": "đã huỷ",
        "refunded": "đã hoàn tiền",
    },
    "en": {"incident": "trouble on the way"},
}


def task_values(
    known: Dossier, person: Person, staff: Staff, now: datetime, language: str, link: Callable[[int, Person], str]
) -> dict[str, Any]:
    """Return the values of the page.

    Parameters:
        person: whose page it is; times are in their zone.
        link: returns the address of another task's page.
    """
    task, w = known.task, TASK_TEXTS[language]
    write = partial(moment, now=now, zone=person.zone, language=language)
    heading = task.title_in(language) or w["nameless"].replace("{number}", number(task.id, language))
    return {
        "title": heading,
        "heading": heading,
        "kind": w[f"type_{task.type.value}"],
        "priority": None if task.priority is Priority.NORMAL else w[f"priority_{task.priority.value}"],
        "urgent": task.priority is Priority.HIGH,
        "note": task.note_in(language),
        "due": _when(task, now, write, w),
        "late": task.late(now),
        **_promised(known, write, w),
        "whose": _whose(task, person, staff, write, w) + _away(task, staff, now, write, w),
        "open": task.is_open,
        "can_take": task.is_open and not (task.state is TaskState.IN_PROGRESS and task.assignee == person.key),
        "customer": _customer(known, language, w),
        "lists": [] if known.customer is None or known.customer.erased else _lists(known, person, now, language, link),
    }


def _due(task: Task, now: datetime, write: Callable[[datetime], str], w: Mapping[str, str]) -> str:
    if task.due_at is None:
        return w["no_due"]
    return w["late" if task.late(now) else "due"].replace("{when}", write(task.due_at))


def _when(task: Task, now: datetime, write: Callable[[datetime], str], w: Mapping[str, str]) -> str:
    """Return when it is due, and until when it was put off; one moment that is both is said once."""
    due, until = _due(task, now, write, w), task.snoozed_until
    if not task.is_open or until is None or until <= now:
        return due
    snoozed = w["snoozed"].replace("{when}", write(until))
    return snoozed if until == task.due_at else f"{due} · {snoozed}"


def _promised(known: Dossier, write: Callable[[datetime], str], w: Mapping[str, str]) -> dict[str, Any]:
    """Return by when the customer was promised an answer to the case of the task, and whether it comes after that."""
    task = known.task
    case = next((one for one in known.requests if task.is_open and one.number == task.request), None)
    until = max((at for at in (task.due_at, task.snoozed_until) if at), default=None)
    return {
        "promised": None if case is None else w["promised"].replace("{when}", write(case.due_at)),
        "past_promise": case is not None and until is not None and until > case.due_at,
    }


def _whose(task: Task, person: Person, staff: Staff, write: Callable[[datetime], str], w: Mapping[str, str]) -> str:
    if not task.is_open:
        when = "" if task.closed_at is None else write(task.closed_at)
        if task.closed_by == PHIN:
            return w["closed_phin"].replace("{when}", when)
        who = w["you"] if task.closed_by == person.key else _name(staff, task.closed_by)
        outcome = w[f"outcome_{task.outcome.value}"] if task.outcome else ""
        told = w["closed"].replace("{who}", who).replace("{when}", when).replace("{outcome}", outcome)
        return f"{told} {task.remark}" if task.remark else told
    if task.assignee is None:
        return w["nobody"]
    doing = task.state is TaskState.IN_PROGRESS
    if task.assignee == person.key:
        return w["yours" if doing else "given"]
    return w["other_doing" if doing else "other"].replace("{who}", _name(staff, task.assignee))


def _away(task: Task, staff: Staff, now: datetime, write: Callable[[datetime], str], w: Mapping[str, str]) -> str:
    """Return what is said where whose task it is has leave now."""
    whose = staff.people.get(task.assignee or "") if task.is_open else None
    back = None if whose is None else away_until(whose, now)
    return "" if back is None else " " + w["away"].replace("{when}", write(back))


def _name(staff: Staff, key: str | None) -> str:
    person = staff.people.get(key or "")
    return person.name if person else key or "?"


def _customer(known: Dossier, language: str, w: Mapping[str, str]) -> dict[str, Any] | None:
    one = known.customer
    if one is None:
        return None
    place = [str(one.address[part]) for part in ("street", "ward", "district", "city") if one.address.get(part)]
    return {
        "erased": one.erased,
        "name": one.name or one.first_name or one.email or "",
        "id": one.external_id,
        "about": ", ".join(place),
        "phone": one.phone,
        "tel": "".join(c for c in one.phone or "" if c.isdigit() or c == "+"),
        "call": w["call"].replace("{phone}", one.phone or ""),
        "email": one.email,
        "language": language,
    }


def _lists(
    known: Dossier, person: Person, now: datetime, language: str, link: Callable[[int, Person], str]
) -> list[tuple[str, str | None, list[Row]]]:
    w = TASK_TEXTS[language]
    write = partial(moment, now=now, zone=person.zone, language=language)
    return [
        (w["requests"], None, [_request(one, now, write, w) for one in known.requests]),
        (w["orders"], w["orders_none"], [_order(one, write, language, w) for one in known.orders]),
        (w["mails"], w["mails_none"], [_mail(one, write, language, w) for one in known.mails]),
        (w["tasks"], None, [_task(one, person, now, write, language, link) for one in known.tasks]),
    ]


def _request(one: Request, now: datetime, write: Callable[[datetime], str], w: Mapping[str, str]) -> Row:
    late = one.late(now)
    title = w["request"].replace("{number}", one.number) + (f": {one.subject}" if one.subject else "")
    return Row(title, w["late" if late else "due"].replace("{when}", write(one.due_at)), late=late)


def _order(one: Order, write: Callable[[datetime], str], language: str, w: Mapping[str, str]) -> Row:
    status = _STATUS[language].get(one.status, one.status)
    lines = ", ".join(f"{number(line.quantity, language)} × {line.name}" for line in one.lines)
    about = [write(one.placed_at) if one.placed_at else "", status, lines]
    told = " · ".join(part for part in about if part)
    return Row(w["order"].replace("{number}", one.number), told, money(one.total, one.currency, language))


def _mail(one: MailLine, write: Callable[[datetime], str], language: str, w: Mapping[str, str]) -> Row:
    t = TEXTS[language]
    state = "in_hand" if one.state in _IN_HAND else "returned" if one.state in _RETURNED else one.state
    about = [write(one.at), t[state]]
    about += [w["mail_opened"]] if one.opened_at else []
    about += [w["mail_clicked"]] if one.clicked_at else []
    return Row(one.subject or one.template, " · ".join(about))


def _task(
    one: Task,
    person: Person,
    now: datetime,
    write: Callable[[datetime], str],
    language: str,
    link: Callable[[int, Person], str],
) -> Row:
    w = TASK_TEXTS[language]
    title = one.title_in(language) or w["nameless"].replace("{number}", number(one.id, language))
    return Row(title, _due(one, now, write, w), href=link(one.id, person), late=one.late(now))
