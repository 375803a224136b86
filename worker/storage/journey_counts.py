"""How many journeys are under way, and where they stand."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from worker.storage.journeys import WAITING
from worker.storage.tables import flow_version, journey

_NUMBERS = select(flow_version.c.id, flow_version.c.flow, flow_version.c.number)


def count_under_way(connection: Connection) -> dict[tuple[str, int], int]:
    """Return how many journeys are under way, by flow and version id."""
    statement = select(journey.c.flow, journey.c.version_id, func.count()).where(WAITING)
    return {
        (name, version): count
        for name, version, count in connection.execute(statement.group_by(journey.c.flow, journey.c.version_id))
    }


def count_standing(connection: Connection, flow: str) -> dict[tuple[int, str | None], int]:
    """Return how many journeys of a flow stand where: by version id, and by the step that each stands at."""
    statement = select(journey.c.version_id, journey.c.step, func.count()).where(WAITING, journey.c.flow == flow)
    rows = connection.execute(statement.group_by(journey.c.version_id, journey.c.step))
    return {(version, step): count for version, step, count in rows}


def count_under_way_by_number(connection: Connection) -> dict[str, dict[int, int]]:
    """Return how many journeys are under way, by flow and by the number of the version within it."""
    numbers = {number: (name, of) for number, name, of in connection.execute(_NUMBERS)}
    found: dict[str, dict[int, int]] = {}
    for (_, version), count in count_under_way(connection).items():
        name, number = numbers[version]
        found.setdefault(name, {})[number] = count
    return found
