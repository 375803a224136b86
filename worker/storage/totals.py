"""Writes what was counted into totals that never go down.

What is counted by its time has two rows: what of it is firm, and what is shown, which has the last minutes in it too.
A mail may leave one state for another in these minutes; what is shown then waits until it is passed.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, case

from worker.storage import figures
from worker.storage.figures import Counted, Key, Labels
from worker.storage.rows import insert
from worker.storage.tables import figure
from worker.storage.tallying import SETTLED, Look

FIRM = "firm "  # before the name of a total: as much of it as is complete


def keep(connection: Connection, one: Look) -> bool:
    """Write what a look came to, unless another clock has counted the same; says whether it was written."""
    if not figures.move(connection, one.before, one.after):
        return False
    if one.after.name != SETTLED:
        figures.add(connection, one.counted.totals)
        return True
    if one.leaps:  # what was shown is firm from now on
        kept = figures.read(connection)
        shown = {name: kept.get(name.removeprefix(FIRM), {}) for name in kept if name.startswith(FIRM)}
        figures.put(connection, shown)
        return True
    times = {key: value for key, value in one.counted.totals.items() if key[0].endswith(("_bucket", "_sum"))}
    firm = {(f"{FIRM}{key[0]}", key[1]): value for key, value in one.counted.totals.items() if key not in times}
    figures.add(connection, {**times, **firm})
    _raise(connection, _whole(figures.read(connection), one.recent))
    return True


def _whole(kept: Mapping[str, Mapping[Labels, float]], recent: Counted) -> dict[Key, float]:
    """Return each total with what of it may still be incomplete."""
    whole: dict[Key, float] = {
        (name.removeprefix(FIRM), labels): value
        for name, values in kept.items()
        if name.startswith(FIRM)
        for labels, value in values.items()
    }
    for key, value in recent.totals.items():
        whole[key] = whole.get(key, 0.0) + value
    return whole


def _raise(connection: Connection, rows: Mapping[Key, float]) -> None:
    """Write totals, each unless a higher one stands there."""
    if not rows:
        return
    new = insert(connection, figure)
    higher = case((new.excluded.value > figure.c.value, new.excluded.value), else_=figure.c.value)
    statement = new.on_conflict_do_update(index_elements=["name", "labels"], set_={"value": higher})
    connection.execute(statement, figures.rows_of(rows))
