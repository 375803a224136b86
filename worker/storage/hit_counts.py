"""How often mails were opened and clicked: by people, by proxies for them, and by all with machines.

Counted from the raw hits as they are classed now; hits that retention took away are counted no more. Proxies are
people's, told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select
from sqlalchemy.sql.expression import FromClause

from worker.domain.hits import PEOPLE, HitClass, HitKind
from worker.storage.tables import hit, journey, message

_MAILS = hit.join(message, message.c.id == hit.c.message_id)
_PEOPLES = case((hit.c["class"].in_([one.value for one in PEOPLE]), 1), else_=0)
_PROXIES = case((hit.c["class"] == HitClass.PROXY.value, 1), else_=0)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one kind of hits: how many mails (unique) and how many hits (total).

    Parameters:
        people, people_total: people's, proxies among them.
        proxies: of these mails, those that proxies alone looked at.
        all, all_total: of everybody, with machines.
    """

    people: int = 0
    people_total: int = 0
    proxies: int = 0
    all: int = 0
    all_total: int = 0


@dataclass(frozen=True, slots=True)
class HitCounts:
    """The hits on some mails, and people's hits by what they were made with.

    Parameters:
        programs, devices: how many mails people opened or clicked with each; a mail counts once for each.
    """

    opens: Counts = Counts()
    clicks: Counts = Counts()
    programs: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)


def by_flow(connection: Connection, since: datetime | None = None) -> dict[str, HitCounts]:
    """Return the counts of each flow of whose mails any was opened or clicked, by name.

    Parameters:
        since: count only mails of journeys that were entered from then on; None: all.
    """
    such = [] if since is None else [journey.c.entered_at >= since]
    return _counts(connection, journey.c.flow, _MAILS.join(journey, journey.c.id == message.c.journey_id), *such)


def by_step(connection: Connection, flow: str, since: datetime) -> dict[str, HitCounts]:
    """Return the counts of each step of a flow of whose mails, sent from then on, any was opened or clicked."""
    return _counts(connection, message.c.step, _MAILS, message.c.sent_at >= since, message.c.flow == flow)


def _counts(
    connection: Connection, key: ColumnElement[str | None], joined: FromClause, *such: ColumnElement[bool]
) -> dict[str, HitCounts]:
    such = (*such, message.c.staff.is_(None), key.is_not(None))
    mails = (
        select(
            key.label("name"),
            hit.c.kind,
            func.sum(_PEOPLES).label("peoples"),
            func.sum(_PROXIES).label("proxies"),
            func.count().label("hits"),
        )
        .select_from(joined)
        .where(*such)
        .group_by(key, hit.c.message_id, hit.c.kind)
        .subquery()
    )
    of_people, by_proxy = mails.c.peoples > 0, (mails.c.proxies > 0) & (mails.c.proxies == mails.c.peoples)
    summed = select(
        mails.c.name,
        mails.c.kind,
        func.sum(case((of_people, 1), else_=0)),
        func.sum(mails.c.peoples),
        func.sum(case((by_proxy, 1), else_=0)),
        func.count(),
        func.sum(mails.c.hits),
    ).group_by(mails.c.name, mails.c.kind)
    kinds: dict[str, dict[str, Counts]] = {}
    for name, kind, *counts in connection.execute(summed):
        kinds.setdefault(name, {})[kind] = Counts(*(int(count) for count in counts))
    shares = [_shares(connection, key, column, joined, *such) for column in (hit.c.program, hit.c.device)]
    return {
        name: HitCounts(
            found.get(HitKind.OPEN.value, Counts()),
            found.get(HitKind.CLICK.value, Counts()),
            *(share.get(name, {}) for share in shares),
        )
        for name, found in kinds.items()
    }


def _shares(
    connection: Connection,
    key: ColumnElement[str | None],
    column: ColumnElement[Any],
    joined: FromClause,
    *such: ColumnElement[bool],
) -> dict[str, dict[str, int]]:
    """Return for each name how many mails people opened or clicked with each program or device, the most first."""
    mails = func.count(hit.c.message_id.distinct())
    asked = (
        select(key, column, mails)
        .select_from(joined)
        .where(*such, column.is_not(None), _PEOPLES == 1)
        .group_by(key, column)
        .order_by(mails.desc(), column)
    )
    found: dict[str, dict[str, int]] = {}
    for name, what, count in connection.execute(asked):
        found.setdefault(name, {})[what] = count
    return found
