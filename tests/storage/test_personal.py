"""Every table and every column says what it holds of a person: whoever adds one has to decide."""

from __future__ import annotations

from worker.storage.personal import HELD, Whose
from worker.storage.tables import metadata


def test_every_table_and_column_has_its_line() -> None:
    """Given the tables as they are, then each column stands in the registry once, and nothing else does."""
    tables = {name: sorted(column.name for column in table.columns) for name, table in metadata.tables.items()}

    assert sorted(HELD) == sorted(tables), "add the table's line to worker/storage/personal.py"
    for name, held in HELD.items():
        assert held.columns == tables[name], f"decide about the columns of '{name}' in worker/storage/personal.py"
        assert held.hidden <= set(tables[name])


def test_rows_are_found_by_a_column_that_is_there() -> None:
    """Given a table of which rows are a person's, then it has the column by which they are found."""
    columns = {
        Whose.SELF: "id",
        Whose.CUSTOMER: "customer_id",
        Whose.ADDRESS: "email",
        Whose.EVENT_ID: "event_id",
        Whose.ORDER_ID: "order_id",
        Whose.JOURNEY_ID: "journey_id",
        Whose.MESSAGE_ID: "message_id",
        Whose.TASK_ID: "task_id",
    }

    for name, held in HELD.items():
        if held.whose in columns:
            assert columns[held.whose] in metadata.tables[name].c


def test_what_is_emptied_may_be_empty() -> None:
    """Given a column that is emptied with nothing, then it takes nothing; texts that are told hang on a state."""
    for name, held in HELD.items():
        table = metadata.tables[name]
        assert all(table.c[column].nullable for column, value in held.blank.items() if value is None), name
        assert all(table.c[column].nullable for column in held.told), name
        assert not held.told or "state" in table.c
        assert bool(held.delete) <= (not (held.keep or held.blank or held.told)), name
