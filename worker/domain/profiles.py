"""What an event says of its customer, taken over into the record: the newer word wins, an older one fills gaps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from worker.domain.customers import Customer

PLAIN = ("name", "first_name", "phone", "language", "timezone")
MERGED = ("address", "fields")


def profile_changes(customer: Customer | None, said: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return the columns of the customer's row to write.

    Parameters:
        customer: as known now, or None for a new one.
        said: the event's `customer`, checked: plain columns, `birthday` (ISO date), `address` and `fields` (objects),
            `tags` (all of them, in place of those known).
        at: the event's time.

    What an event does not mention stays; an explicit null takes away, if the event is the newest.
    """
    newest = customer is None or customer.profile_at is None or at >= customer.profile_at
    changes: dict[str, Any] = {}
    for name in PLAIN:
        if name in said:
            _take(changes, name, said[name], getattr(customer, name, None), newest)
    if "birthday" in said:
        birthday = date.fromisoformat(said["birthday"]) if said["birthday"] else None
        _take(changes, "birthday", birthday, customer.birthday if customer else None, newest)
    if "tags" in said:
        known_tags = list(customer.tags) if customer else []
        tags = list(said["tags"] or [])
        if tags != known_tags and (newest or not known_tags):
            changes["tags"] = tags
    for name in MERGED:
        if said.get(name):
            known: Mapping[str, Any] = getattr(customer, name, {})
            both = {**known, **said[name]} if newest else {**said[name], **known}
            if both != dict(known):
                changes[name] = both
    if newest and said:
        changes["profile_at"] = at
    return changes


def _take(changes: dict[str, Any], name: str, value: Any, known: Any, newest: bool) -> None:
    if value != known and (newest or known is None):
        changes[name] = value


def inherited(customer: Customer, guest: Customer) -> dict[str, Any]:
    """Return what a customer takes over from a guest who turned out to be them: what was not known of them yet."""
    changes: dict[str, Any] = {}
    for name in (*PLAIN, "birthday"):
        if getattr(customer, name) is None and getattr(guest, name) is not None:
            changes[name] = getattr(guest, name)
    for name in MERGED:
        both = {**getattr(guest, name), **getattr(customer, name)}
        if both != dict(getattr(customer, name)):
            changes[name] = both
    new_tags = [tag for tag in guest.tags if tag not in customer.tags]
    if new_tags:
        changes["tags"] = [*customer.tags, *new_tags]
    for name in ("last_opened_at", "last_clicked_at"):
        own, others = getattr(customer.facts, name), getattr(guest.facts, name)
        if others is not None and (own is None or others > own):
            changes[name] = others
    return changes
