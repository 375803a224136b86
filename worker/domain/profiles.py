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

    What an event does not mention stays; an explicit null takes away, if the event is the newest. What a flow wrote
    counts as said when it did: of an own field the newer word holds, and a tag that a flow gave is none of the shop's,
    so that no list of the shop's takes it away.
    """
    newest = customer is None or customer.profile_at is None or at >= customer.profile_at
    changes: dict[str, Any] = {}
    for name in PLAIN:
        if name in said and not (name == "language" and _was_chosen(customer, said[name])):
            _take(changes, name, said[name], getattr(customer, name, None), newest)
    if "birthday" in said:
        birthday = date.fromisoformat(said["birthday"]) if said["birthday"] else None
        _take(changes, "birthday", birthday, customer.birthday if customer else None, newest)
    if "tags" in said:
        known_tags = list(customer.tags) if customer else []
        given = [tag for tag in known_tags if customer is not None and tag in customer.written.get("tags", ())]
        tags = list(said["tags"] or [])
        tags += [tag for tag in given if tag not in tags]
        if tags != known_tags and (newest or len(given) == len(known_tags)):
            changes["tags"] = tags
    for name in MERGED:
        if said.get(name):
            known: Mapping[str, Any] = getattr(customer, name, {})
            told = _not_outdone(customer, said[name], at) if name == "fields" else said[name]
            both = {**known, **told} if newest else {**told, **known}
            if both != dict(known):
                changes[name] = both
    if newest and said:
        changes["profile_at"] = at
    return changes


def chosen_language(customer: Customer, language: str) -> dict[str, Any]:
    """Return the columns to write when a customer says themselves which language they read.

    What the shop's record said then is noted: events that repeat it do not undo the choice, another language does.
    """
    return {"language": language, "written": {**customer.written, "language_over": customer.language}}


def _was_chosen(customer: Customer | None, said: Any) -> bool:
    return customer is not None and said is not None and customer.written.get("language_over") == said


def _take(changes: dict[str, Any], name: str, value: Any, known: Any, newest: bool) -> None:
    if value != known and (newest or known is None):
        changes[name] = value


def _not_outdone(customer: Customer | None, told: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return the own fields that no flow wrote later than this was said."""
    later = customer.written.get("fields", {}) if customer is not None else {}
    return {
        name: value for name, value in told.items() if name not in later or datetime.fromisoformat(later[name]) <= at
    }


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
    if guest.written:
        mine, theirs = customer.written, guest.written
        given = dict.fromkeys((*mine.get("tags", ()), *theirs.get("tags", ())))
        fields = {**theirs.get("fields", {}), **mine.get("fields", {})}
        changes["written"] = {**theirs, **mine, "fields": fields, "tags": list(given)}
    for name in ("last_opened_at", "last_clicked_at"):
        own, others = getattr(customer.facts, name), getattr(guest.facts, name)
        if others is not None and (own is None or others > own):
            changes[name] = others
    return changes
