"""What `phin why` tells of mails: what became of each, to the customer and to staff, and who opened and clicked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.addresses import masked
from worker.domain.setting_groups import Shop
from worker.domain.utm import without_utm
from worker.edges.moments import amount, day, moment
from worker.storage.revenue import CreditStory
from worker.storage.story_mails import HitStory, MailStory

Part = tuple[str, str]  # text and style

_ANSWERED = ("failed", "unknown")  # of which the server's own words tell more than the reason
_STYLES = {"sent": "green", "skipped": "yellow", "cancelled": "yellow", "failed": "red", "unknown": "red"}


def mail_parts(mail: MailStory, shop: Shop, zone: ZoneInfo, now: datetime) -> list[Part]:
    """Return what became of one mail, with its hits."""
    parts: list[Part] = []
    style = _STYLES.get(mail.state, "")
    if mail.state == "sent" and mail.sent_at is not None:
        parts.append((f" sent {mail.sent_at.astimezone(zone):%H:%M:%S}", style))
    elif mail.state == "queued" and mail.not_before > now:
        why = f" ({mail.reason}{f': {masked(mail.answer)}' if mail.answer else ''})" if mail.reason else ""
        parts.append((f" goes out from {moment(mail.not_before, shop, zone.key)}{why}", "cyan"))
    else:
        said = f": {masked(mail.answer)}" if mail.state in _ANSWERED and mail.answer else ""
        parts.append((f" {mail.state}" + (f": {mail.reason}" if mail.reason else "") + said, style))
    parts += [_hits(same, zone) for same in _alike(mail.hits)]
    parts += [_credit(one) for one in mail.credits]
    return parts


def staff_parts(
    mails: Sequence[MailStory], detail: Mapping[str, Any], shop: Shop, zone: ZoneInfo, now: datetime
) -> list[Part]:
    """Return to whom of the staff a step wrote, and what became of each one's mail.

    Parameters:
        mails: of the step, to staff.
        detail: of the step's line; `to` is the role or the person that the step names.
    """
    to = detail.get("to")
    if not to and not mails:
        return []
    alone = len(mails) == 1 and to in (None, mails[0].staff)
    parts: list[Part] = [(" to staff:" if to is None or alone else f" to {to}:", "")]
    for number, mail in enumerate(mails):
        parts += [(f"{' ·' if number else ''} {mail.staff}", ""), *mail_parts(mail, shop, zone, now)]
    return parts if mails else [*parts, (" nobody", "yellow")]


def _credit(one: CreditStory) -> Part:
    worth = amount(one.total, one.currency) if one.counted else "cancelled since"
    told = f" · order {one.order_number} is credited to it, by the {one.by}: {worth}"
    return (told, "green" if one.counted else "dim")


def _alike(hits: Sequence[HitStory]) -> list[list[HitStory]]:
    """Return the hits in groups that tell the same: kind, link, who it was and why it is thought so."""
    groups: dict[tuple[str | None, ...], list[HitStory]] = {}
    for hit in hits:
        groups.setdefault((hit.kind, hit.url and without_utm(hit.url), hit.by, hit.reason), []).append(hit)
    return list(groups.values())


def _hits(same: Sequence[HitStory], zone: ZoneInfo) -> Part:
    hit = same[0]
    word = {"open": "opened", "click": "clicked"}[hit.kind]
    by = f"{hit.by}: {hit.reason}" if hit.by and hit.reason and hit.by != "person" else hit.by or "not classed yet"
    target = f" {without_utm(hit.url)}" if hit.url else ""
    times = f"{hit.at.astimezone(zone):%H:%M}"
    if len(same) > 1:
        first, last = same[0].at.astimezone(zone), same[-1].at.astimezone(zone)
        until = f"{last:%H:%M}" if first.date() == last.date() else f"{day(last)} {last:%H:%M}"
        times = f"{len(same)} times, {times} to {until}"
    return (f" · {word}{target} {times} ({by})", "" if hit.by == "person" else "dim")
