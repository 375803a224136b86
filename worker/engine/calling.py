"""The webhook of a step: what it tells, laid down with the step, so that every try tells the same."""

from __future__ import annotations

import json
from typing import Any

from worker.domain.conditions.showing import as_json
from worker.domain.conditions.tree import Expression
from worker.domain.facts import Facts
from worker.domain.journeys import Journey
from worker.domain.steps import Webhook
from worker.domain.texts import Text
from worker.engine.surroundings import Surroundings
from worker.storage.webhooks import NewWebhook

TYPE = "journey.step"


def new_webhook(around: Surroundings, journey: Journey, step: Webhook, facts: Facts) -> NewWebhook:
    """Return what a `webhook` step tells: who and what it is about, and the values of `with`.

    Whom it is about is named by the shop's id (the address, where there is none), never more than that.
    """
    customer = facts.customer
    data: dict[str, Any] = {
        "flow": journey.flow,
        "step": step.name,
        "journey": journey.id,
        "customer": {"id": customer.external_id} if customer.external_id else {"email": customer.email},
        "order": journey.order_number,
        "request": journey.request,
        "with": {name: _value(around, text, facts) for name, text in step.values},
    }
    told = {"type": TYPE, "timestamp": facts.now.isoformat(), "data": data}
    return NewWebhook(
        key=f"journey:{journey.id}:{step.name}:{journey.turn}",
        flow=journey.flow,
        step=step.name,
        journey_id=journey.id,
        customer_id=journey.customer_id,
        url=step.url,
        body=json.dumps(told, ensure_ascii=False, separators=(",", ":")),
    )


def _value(around: Surroundings, text: Text, facts: Facts) -> object:
    """Return a value as JSON: that of an expression that stands alone, else the text."""
    alone = text.parts[0] if len(text.parts) == 1 else None
    if isinstance(alone, Expression):
        return as_json(around.reading.told(alone, facts))
    return around.reading.text(text, facts)
