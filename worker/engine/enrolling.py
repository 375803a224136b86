"""Enrolling: many customers entered into a flow at once, by a trigger that finds them in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection

from worker.domain.calendars.turns import Turn
from worker.domain.chance import Chance
from worker.domain.triggers import Trigger
from worker.engine.surroundings import Surroundings
from worker.storage.enrolment import Entrance
from worker.storage.enrolment import enrol as enrol_rows
from worker.storage.flowbook import Version


def enrol(
    connection: Connection,
    around: Surroundings,
    version: Version,
    trigger: Trigger,
    turn: Turn,
    among: Sequence[ColumnElement[bool]],
    now: datetime,
    zone: ZoneInfo | None = None,
) -> list[int]:
    """Enter customers into a flow, each once under the key that its `once` makes; `when` is asked by the database.

    Done again with the same turn it changes nothing. The journeys are due now: the sweep, or whoever is given their
    numbers as `Work.journeys`, takes them to their first step.

    Parameters:
        turn: what they enter by; of a segment `Turn(now, "segment:loyal:…", year)`, with what tells this coming-in
            from the same customer's next.
        among: conditions on `worker.storage.tables.customer` that say who is in question, such as
            `customer.c.id.in_(ids)`; at most some thousand customers in one transaction.
        zone: by which `once: per 30 days` counts its days; by default the shop's.

    Returns:
        The numbers of the journeys that began, those of customers set aside too, which never move.
    """
    zone = zone or ZoneInfo(around.shop.timezone)
    entrance = Entrance(version.flow, trigger, turn, zone, around.shop, now, around.reading.segments)
    flow = version.flow
    aside = partial(_set_aside, around.chance, flow.name, flow.holdout) if flow.holdout > 0 else None
    return enrol_rows(connection, version.id, entrance, among, _detail(entrance), aside)


def _set_aside(chance: Chance, flow: str, holdout: float, customer_id: int) -> bool:
    return chance.sets_aside(flow, customer_id, holdout)


def _detail(entrance: Entrance) -> dict[str, Any]:
    """Return what the trace says of an entry: the trigger, its turn, and the condition that held."""
    turn = entrance.turn
    said: dict[str, Any] = {"trigger": str(entrance.trigger), "turn": turn.name}
    if turn.local is not None:
        day, at = turn.local
        said |= {"local": f"{day.isoformat()}T{at:%H:%M}", "zone": entrance.zone.key}
    if entrance.flow.when is not None:
        said["when"] = entrance.flow.when.text
    return said
