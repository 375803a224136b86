"""Which dates of a customer's record an event moved: a trigger of the clock may have passed them by."""

from __future__ import annotations

from typing import Any

from worker.domain.customers import Customer
from worker.domain.triggers import ZONE


def moved_dates(before: Customer | None, after: Customer) -> frozenset[str]:
    """Return what is another date now, by the names of conditions (`customer.birthday`), and the zone if that is.

    Parameters:
        before: None where the customer is new: then every date is, while the zone has moved from nowhere.
    """
    old, new = _dates(before), _dates(after)
    changed = {name for name, value in new.items() if value is not None and value != old.get(name)}
    if before is not None and before.timezone != after.timezone:
        changed.add(ZONE)
    return frozenset(changed)


def _dates(customer: Customer | None) -> dict[str, Any]:
    """Return the values that may be dates; of the shop's own fields any may be."""
    if customer is None:
        return {}
    facts = customer.facts
    found = {
        **customer.fields,
        "birthday": customer.birthday,
        "created_at": customer.created_at,
        "first_order_at": facts.first_order_at,
        "last_order_at": facts.last_order_at,
        "last_opened_at": facts.last_opened_at,
        "last_clicked_at": facts.last_clicked_at,
        "predicted_next_order_at": facts.predicted_next_order_at,
    }
    return {f"customer.{name}": value for name, value in found.items()}
