"""The messages that a `send` step writes: the customer's, or one for each of the staff whom it names."""

from __future__ import annotations

from dataclasses import replace

from worker.domain.advancing import Act
from worker.domain.journeys import Journey
from worker.domain.messages import Kind
from worker.domain.staff import Staff
from worker.domain.steps import Send
from worker.domain.utm import USUAL
from worker.engine.surroundings import Surroundings
from worker.storage import ledger
from worker.storage.flowbook import Version


def messages_of(
    around: Surroundings, staff: Staff, version: Version, journey: Journey, act: Act, step: Send
) -> list[ledger.NewMessage]:
    """Return the customer's mail of a step, or one for each of the staff whom the step names."""
    facts = act.facts
    customers_own = facts.customer.language or facts.shop.language
    mail = _message(around, version, journey, act, step, customers_own)
    if step.to is None:
        return [mail]
    return [
        replace(
            _message(around, version, journey, act, step, person.language),
            key=f"{mail.key}:{person.key}",
            customer_id=None,
            staff=person.key,
            kind=Kind.TRANSACTIONAL,
        )
        for person in staff.members(step.to)
    ]


def _message(
    around: Surroundings, version: Version, journey: Journey, act: Act, step: Send, language: str
) -> ledger.NewMessage:
    facts = act.facts
    values: dict[str, object] = {}
    if step.values:
        values["with"] = {name: around.reading.text(text, facts) for name, text in step.values}
    if step.subject is not None:
        values["subject"] = around.reading.text(step.subject.within(language, facts.shop.language), facts)
    if step.from_name is not None:
        values["from_name"] = step.from_name
    utm = version.flow.utm
    if utm != USUAL:
        values["utm"] = utm.said if utm.on else False
    if version.flow.topic is not None:
        values["topic"] = version.flow.topic
    return ledger.NewMessage(
        key=f"journey:{journey.id}:{step.name}:{journey.turn}",
        customer_id=journey.customer_id,
        kind=step.kind or version.flow.kind,
        template=step.template,
        not_before=facts.now,
        journey_id=journey.id,
        flow=journey.flow,
        step=step.name,
        order_number=journey.order_number,
        values=values,
        expires_at=act.since + step.expires.span() if step.expires else None,  # however late somebody looked
    )
