"""What a mail to staff shows in a preview: a person of the staff, and made-up tasks of the customer at hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from worker.delivery.staff_mails import ForStaff, StaffMails
from worker.delivery.templates.check import STAFF
from worker.delivery.tokens import Tokens
from worker.delivery.values import shop_values
from worker.domain.facts import Facts
from worker.domain.messages import Kind
from worker.domain.settings import Settings
from worker.domain.staff import Person, Staff
from worker.domain.tasks import Priority, Task, TaskState, TaskType
from worker.rehearsal.samples import Samples
from worker.storage.claims import Claimed

_LATE = frozenset({f"{STAFF}/overdue", f"{STAFF}/escalated"})  # mails about a task that should have been done


def staff_person(staff: Staff, to: str | None, template: str, language: str) -> Person | None:
    """Return to whom of the staff a mail goes, made up where nobody is known; None for a customer's mail.

    Parameters:
        to: the person or role that a step names.
    """
    if to is None and not template.startswith(f"{STAFF}/"):
        return None
    made_up = Person("lan", "Trần Minh Lan" if language == "vi" else "Lan Tran", "lan@example.com", language)
    return next(iter(staff.members(to)), made_up)


def staff_values(
    settings: Settings,
    tokens: Tokens,
    template: str,
    person: Person,
    facts: Facts,
    given: Mapping[str, Any],
    samples: Samples,
) -> dict[str, Any]:
    """Return all values of a mail to staff.

    Parameters:
        tokens: sign the links to the staff's pages.
        given: the step's `with:`.
    """
    now, name = facts.now, facts.customer.name
    task, late = _task(facts, samples, "A", timedelta(hours=20)), _task(facts, samples, "B", timedelta(hours=-3))
    about = Claimed(0, "", None, Kind.TRANSACTIONAL, template, now, 0, None, None, None, None, {}, None)
    told = ForStaff(
        about, None, person, facts, late if template in _LATE else task, digest=((late, name), (task, name))
    )
    mails = StaffMails(lambda: Staff({person.key: person}), facts.shop, tokens, settings.url)
    return mails.values(told, shop_values(settings.shop), given, now)


def _task(facts: Facts, samples: Samples, key: str, due: timedelta) -> Task:
    event = samples.event("support.requested")
    order = facts.order.number if facts.order is not None else None
    return Task(
        id=0,
        key=key,
        state=TaskState.OPEN,
        type=TaskType.CALL,
        priority=Priority.HIGH,
        title={"vi": f"Gọi cho {facts.customer.name}", "en": f"Call {facts.customer.name}"},
        note={"": str(event.data["subject"])},
        customer_id=facts.customer.id,
        order_number=order,
        request=event.request,
        journey_id=None,
        flow=None,
        step=None,
        role=None,
        assignee=None,
        created_at=facts.now - timedelta(hours=4),
        due_at=facts.now + due,
    )
