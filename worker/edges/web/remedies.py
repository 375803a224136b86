"""What went wrong, in words, and what to do about each."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from worker.delivery.formats import number
from worker.domain.addresses import masked
from worker.domain.errors import Problem
from worker.edges.web.overview import Overview
from worker.storage.troubles import Trouble, TroubleKind

MOST_REFUSING = 5  # domains and relays that are told one by one
LONGEST = 240  # characters of a reason that are shown
GIVEN_UP = "tried too often"  # the reason of a message that the relay never took (`worker.delivery.settling`)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to look at.

    Parameters:
        what: what it is about: a template, a file with its line, a type of event.
        where: flow and customer.
        said: the reason as kept.
        times: how often, in words; empty for once.
        remedy: what to do; `command` is what to type for it.
    """

    kind: str
    title: str
    what: str
    where: str
    said: str
    times: str
    at: datetime | None
    remedy: str
    command: str | None = None


def remarks(seen: Overview, t: Mapping[str, str], language: str) -> list[Remark]:
    """Return everything that somebody should look at: what holds up most first, then the newest."""
    return [
        *_standing(seen, t, language),
        *(_of_file(problem, t) for problem in seen.broken),
        *(_of_trouble(trouble, t, language) for trouble in seen.troubles),
    ]


def _standing(seen: Overview, t: Mapping[str, str], language: str) -> Sequence[Remark]:
    found = []
    if seen.untaken is not None:
        count = t["relay_count_1" if seen.untaken.mails == 1 else "relay_count"].replace(
            "{count}", number(seen.untaken.mails, language)
        )
        said = masked(seen.untaken.answer)[:LONGEST]
        found.append(Remark("relay", t["trouble_relay"], count, "", said, "", None, t["do_relay"]))
    for one in seen.refusing[:MOST_REFUSING]:
        said = " ".join(f"{one.code or ''} {one.answer}".split())[:LONGEST]
        what = one.key.domain or one.key.relay
        title, remedy = t["trouble_refusing"], t["do_refusing" if one.key.domain else "do_relay"]
        found.append(Remark("refusing", title, what, "", said, "", one.since, remedy, "phin relays"))
    if seen.mails.unknown:
        count = t["unknown_count_1" if seen.mails.unknown == 1 else "unknown_count"].replace(
            "{count}", number(seen.mails.unknown, language)
        )
        found.append(Remark("unknown", t["trouble_unknown"], count, "", "", "", None, t["do_unknown"], "phin unknown"))
    for name, left in seen.short_pools.items():
        count = _counted("pool_left", left, t, language) if left else t["pool_empty"]
        remedy = t["do_pool"] if left else t["do_pool_empty"]
        fill = f"phin coupons load {name} FILE"
        found.append(Remark("pool", t["trouble_pool"], name, count, "", "", None, remedy, fill))
    return found


def _counted(name: str, count: int, t: Mapping[str, str], language: str) -> str:
    return t[f"{name}_1" if count == 1 else name].replace("{count}", number(count, language))


def _of_file(problem: Problem, t: Mapping[str, str]) -> Remark:
    place = problem.place
    hint = f" – {problem.hint}" if problem.hint else ""
    what = f"{place.file}:{place.line}" if place.line else place.file
    title = t["trouble_config" if PurePath(place.file).parent.name == "config" else "trouble_file"]
    return Remark("file", title, what, "", f"{problem.message}{hint}"[:LONGEST], "", None, t["do_file"], "phin check")


def _of_trouble(one: Trouble, t: Mapping[str, str], language: str) -> Remark:
    customer = t["for_customer"].replace("{customer}", one.customer) if one.customer else ""
    remedy, command = _remedy(one)
    return Remark(
        one.kind.value,
        t[f"trouble_{one.kind.value}"],
        one.what,
        " · ".join(part for part in (one.flow, customer) if part and part != one.what),
        one.reason[:LONGEST],
        t["times"].replace("{count}", number(one.times, language)) if one.times > 1 else "",
        one.at,
        t[remedy],
        command,
    )


def _remedy(one: Trouble) -> tuple[str, str | None]:
    """Return the name of the text that says what to do, and the command."""
    if one.kind is TroubleKind.CIRCLE:
        return "do_circle", "phin check"
    if one.kind in (TroubleKind.REPORT, TroubleKind.MAILBOX):
        return f"do_{one.kind.value}", "phin bounces --unread" if one.kind is TroubleKind.REPORT else "phin bounces"
    why = f"phin why {shlex.quote(one.customer)}" if one.customer else None
    if one.kind is TroubleKind.EVENT:
        return ("do_event", why) if why else ("do_event_log", None)
    if one.kind is TroubleKind.JOURNEY:
        return "do_journey", why or "phin check"
    if one.code is not None and one.code >= 500:
        return "do_address", why or "phin report"
    if one.reason.startswith(GIVEN_UP):
        return "do_relay_gave_up", why or "phin report"
    return "do_template", "phin check"
