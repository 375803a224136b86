"""Lists go to PostgreSQL as arrays: they mean what they meant, and a statement is one text however long its list is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, text

from tests.support.ledger import NOW, queue
from tests.support.plans import statements_of
from worker.storage import arrays, claims, ledger
from worker.storage.claims import Line
from worker.storage.database import Database
from worker.storage.ledger import Marked, Settlement
from worker.storage.tables import switch
from worker.storage.types import instant_of

LETTERS = st.characters(exclude_characters="\0", categories=["L", "M", "N", "P", "S", "Z", "Cc"])
WORDS = st.text(LETTERS, max_size=12) | st.sampled_from(
    ["NULL", "null", '"', "\\", "{", "}", ",", " ", "a b", "%s", "'"]
)
MOMENTS = st.integers(0, 200 * 365 * 86_400 * 1_000_000).map(instant_of)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "text": WORDS,
    "numeric": st.decimals(-(10**15), 10**15, places=4),
    "boolean": st.booleans(),
    "timestamptz": MOMENTS,
    "jsonb": st.dictionaries(WORDS, WORDS | st.booleans() | st.integers(-9, 9), max_size=3),
}
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(data=st.data())
def test_what_is_written_as_an_array_is_read_as_the_same(postgres_database: Database, data: st.DataObject) -> None:
    """Given any values and gaps, when PostgreSQL reads their array, then it has the same ones in the same order."""
    assert VALUES.keys() == arrays.WRITERS.keys()
    with postgres_database.reading() as connection:
        for name, values in VALUES.items():
            listed = data.draw(st.lists(st.none() | values, max_size=5))
            said = connection.exec_driver_sql(f"SELECT %(a)s::{name}[]", {"a": arrays.WRITERS[name](listed)})
            assert said.scalar_one() == listed


@QUIET
@given(there=st.sets(WORDS, max_size=6), asked=st.lists(WORDS, max_size=6), numbers=st.lists(st.integers(0, 9)))
def test_a_list_finds_what_is_in_it(database: Database, there: set[str], asked: list[str], numbers: list[int]) -> None:
    """Given rows, when they are looked for by a list, or by not being in it, then both databases find those."""
    rows = [{"name": name, "value": len(name), "changed_at": NOW} for name in there]
    with database.engine.connect() as connection:
        if rows:
            connection.execute(insert(switch), rows)

        def found(*such: Any) -> set[str]:
            return set(connection.execute(select(switch.c.name).where(*such)).scalars()) - {"catalogue"}

        there.discard("catalogue")
        assert found(switch.c.name.in_(asked)) == there & set(asked)
        assert found(switch.c.name.not_in(asked)) == there - set(asked)
        assert found(switch.c.value.in_(numbers), switch.c.name.in_([*asked, *there])) == {
            name for name in there if len(name) in numbers
        }
        connection.rollback()


def test_a_batch_of_any_size_is_the_same_statements(postgres_database: Database) -> None:
    """Given one message or sixty, when a sender claims, marks and settles them, then it says the same few words."""
    said: list[list[str]] = []
    for size in (1, 60):
        with postgres_database.writing() as connection:
            ids = queue(connection, *(f"{size}-{n}" for n in range(size)))
        words: list[str] = []

        def send(connection: Any, ids: list[int] = ids) -> None:
            taken = claims.claim(connection, ids, token="t", lease_until=NOW, now=NOW, held={"slow"})
            marked = [Marked(one.id, "lan@example.com", "vi", "Chào", "hash", f"{one.id}@x", True) for one in taken]
            assert ledger.mark(connection, marked, token="t", now=NOW, relay="smtp") == set(ids)
            gone = [Settlement(one.id, ledger.S.SENT, NOW, None, 250, 'ok "1"') for one in taken]
            assert ledger.settle(connection, gone, token="t") == set(ids)

        words += [statement for statement, _ in statements_of(postgres_database, send)]
        said.append(words)
    assert said[0] == said[1]
    assert len(said[0]) == 3


def test_a_claim_alone_is_not_waited_for(postgres_database: Database) -> None:
    """Given PostgreSQL that syncs each commit, when messages are claimed in a transaction of their own, then its commit
    is not waited for; marking, and settling with a claim of the next ones, is."""
    synced = text("SHOW synchronous_commit")

    def commits(work: Callable[[Connection], object]) -> str:
        with postgres_database.writing() as connection:
            connection.execute(text("SET LOCAL synchronous_commit = on"))
            assert work(connection)
            return str(connection.execute(synced).scalar_one())

    with postgres_database.writing() as connection:
        first, second, third = queue(connection, "a", "b", "c", flow="f")
        queue(connection, "d")
    mine: dict[str, Any] = {"token": "t", "now": NOW}
    leased = {**mine, "lease_until": NOW}
    marked = [Marked(first, "lan@example.com", "vi", "Chào", "hash", "m@x", True)]
    assert commits(lambda c: claims.claim(c, [first], **leased)) == "off"
    assert commits(lambda c: claims.claim(c, [second], held=["g"], **leased)) == "off"
    assert commits(lambda c: ledger.mark(c, marked, **mine)) == "on"

    def settle_and_go_on(connection: Connection) -> bool:
        assert ledger.settle(connection, [Settlement(first, ledger.S.SENT, NOW)], token="t") == {first}
        taken = [claims.claim_next(connection, Line(flow), 1, **leased) for flow in ("f", None)]
        return [one.id for (one,) in taken] == [third, third + 1]

    assert commits(settle_and_go_on) == "on"
