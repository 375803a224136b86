"""Figures of the house as `/metrics` gives them: totals that only go up, and what was counted last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, Connection, Select, delete, func, literal, select, tuple_, update

from worker.storage.rows import insert
from worker.storage.tables import figure, tally

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
Values = Mapping[Labels, float]

MOST_OF_ONE = 200  # sets of labels of one metric; what comes beyond is added up as "other"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a source was counted.

    Parameters:
        number: rows up to it are counted; `seen`: the highest there was at the last look.
        at: what happened before it is counted.
    """

    name: str
    number: int = 0
    seen: int = 0
    at: datetime | None = None


@dataclass(slots=True)
class Counted:
    """What one look came to: what is added to totals, and what takes the place of what stood there.

    Parameters:
        now: values that are what they are now, by the names of their metrics, so that labels that are gone go.
    """

    totals: dict[Key, float] = field(default_factory=dict)
    now: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def add(self, name: str, value: float = 1, /, **labels: object) -> None:
        """Add to a total."""
        key = (name, labelled(**labels))
        self.totals[key] = self.totals.get(key, 0.0) + value

    def observe(self, name: str, seconds: float, buckets: Iterable[float], /, **labels: object) -> None:
        """Add one time to a histogram; each of its buckets is kept by itself, not yet added up."""
        bound = next((str(limit) for limit in buckets if seconds <= limit), "+Inf")
        self.add(f"{name}_bucket", 1, **labels, le=bound)
        self.add(f"{name}_sum", max(0.0, seconds), **labels)

    def put(self, name: str, value: float, /, **labels: object) -> None:
        """Say what a value is now."""
        self.now.setdefault(name, {})[labelled(**labels)] = value


def labelled(**labels: object) -> Labels:
    """Return labels as figures are kept by; one without a value is empty, as Prometheus reads it."""
    return tuple(sorted((name, "" if value is None else str(value)) for name, value in labels.items()))


def read(connection: Connection) -> dict[str, dict[Labels, float]]:
    """Return every figure, by name and labels; some hundred rows."""
    found: dict[str, dict[Labels, float]] = {}
    for name, labels, value in connection.execute(select(figure)):
        found.setdefault(name, {})[tuple(sorted(json.loads(labels).items()))] = value
    return found


def marks(connection: Connection) -> dict[str, Mark]:
    """Return how far each source was counted."""
    return {row.name: Mark(row.name, row.number, row.seen, row.at) for row in connection.execute(select(tally))}


def move(connection: Connection, before: Mark | None, after: Mark) -> bool:
    """Move a mark from where it was read; False where another clock has moved it meanwhile."""
    values = {"number": after.number, "seen": after.seen, "at": after.at}
    if before is None:
        new = insert(connection, tally).values(name=after.name, **values).on_conflict_do_nothing()
        return bool(connection.execute(new).rowcount)
    stands = update(tally).where(
        tally.c.name == before.name,
        tally.c.number == before.number,
        tally.c.seen == before.seen,
        tally.c.at.is_not_distinct_from(before.at),
    )
    return bool(connection.execute(stands.values(values)).rowcount)


def add(connection: Connection, totals: Mapping[Key, float]) -> None:
    """Add to totals; beyond `MOST_OF_ONE` sets of labels of a metric what is new is added up as "other"."""
    known = _known(connection, {name for name, _ in totals})
    rows: dict[Key, float] = {}
    for (name, labels), value in totals.items():
        mine = known[name]
        if labels not in mine and len(mine) >= MOST_OF_ONE:
            labels = tuple((label, said if label in _KEPT else OTHER) for label, said in labels)
        mine.add(labels)
        rows[name, labels] = rows.get((name, labels), 0.0) + value
    _write(connection, rows, add_up=True)


def put(connection: Connection, now: Mapping[str, Mapping[Labels, float]]) -> None:
    """Write what values are now; other labels of the same metrics are taken away."""
    rows = {(name, labels): value for name, values in now.items() for labels, value in values.items()}
    if now:
        key = tuple_(figure.c.name, figure.c.labels)
        kept = [(name, _text(labels)) for name, labels in rows]
        connection.execute(delete(figure).where(figure.c.name.in_(now), key.not_in(kept)))
    _write(connection, rows, add_up=False)


def rows_of(values: Mapping[Key, float]) -> list[dict[str, object]]:
    """Return figures as rows, always in the same order, so that two clocks cannot wait for each other."""
    return [{"name": name, "labels": _text(labels), "value": value} for (name, labels), value in sorted(values.items())]


def highest(column: Column[int]) -> Select[int]:
    """Return the statement for the highest number of a table's rows, 0 for none."""
    return select(func.coalesce(func.max(column), literal(0)))


_KEPT = ("le", "state", "kind", "class")  # labels with few values: they stay when the others become "other"


def _known(connection: Connection, names: set[str]) -> dict[str, set[Labels]]:
    found: dict[str, set[Labels]] = {name: set() for name in names}
    rows = connection.execute(select(figure.c.name, figure.c.labels).where(figure.c.name.in_(names)))
    for name, labels in rows:
        found[name].add(tuple(sorted(json.loads(labels).items())))
    return found


def _write(connection: Connection, rows: Mapping[Key, float], *, add_up: bool) -> None:
    if not rows:
        return
    new = insert(connection, figure)
    value = figure.c.value + new.excluded.value if add_up else new.excluded.value
    statement = new.on_conflict_do_update(index_elements=["name", "labels"], set_={"value": value})
    connection.execute(statement, rows_of(rows))


def _text(labels: Labels) -> str:
    return json.dumps(dict(labels), ensure_ascii=False)
