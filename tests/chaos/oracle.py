"""The oracle: compares what the outside saw with what the ledger says, after everything that was done to Phin.

    sums = judge(database, sink.log, answered=ids, bound=Bound({"SIGKILL of worker 1": 4}), now=clock.now())
    print(sums.table())
    sums.assert_right()

It asks the tables with statements of its own: what is to be judged takes no part in judging.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from tests.chaos.sink import Line, read_log
from tests.chaos.sink_protocol import What
from worker.storage.database import Database
from worker.storage.tables import customer, event, hit, journey, message, orders

EVIDENCE = "it was opened or clicked"  # why a mail is `sent` that was `unknown` before
SHOWN = 5  # examples of each fault that is told


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a link or pixel; each has a user agent of its own, by which its row is known.

    Parameters:
        answered: whether its answer came whole.
        arrived: whether the answer was the pixel, or led to the link's own target.
    """

    agent: str
    url: str
    answered: bool
    arrived: bool


@dataclass(slots=True)
class Bound:
    """How many mails may be unknown: SMTP transactions that may have been open when something was lost.

    Parameters:
        losses: what was lost, and how many transactions it may have had open: for a killed process two for each of its
            senders, for a lost machine a group for each. Mails that the sink left without an answer are added by the
            oracle itself.
        doubted: how many mails may have been in doubt for a time: what senders had in hand that were away for longer
            than their leases, and then came back and told. Of these one may have been looked at, or assumed sent, while
            it was in doubt; none stays unknown.
    """

    losses: list[tuple[str, int]] = field(default_factory=list)
    doubted: int = 0

    def lose(self, what: str, transactions: int) -> None:
        """Note a loss."""
        self.losses.append((what, transactions))

    def doubt(self, mails: int) -> None:
        """Note that what became of so many mails may be told late."""
        self.doubted += mails

    @property
    def total(self) -> int:
        """The sum of all losses."""
        return sum(transactions for _, transactions in self.losses)


@dataclass(frozen=True, slots=True)
class Sums:
    """What the oracle found.

    Parameters:
        rows: name and value of each sum, as they are shown.
        faults: what is wrong, in words; none where every promise was kept.
    """

    rows: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether every promise was kept."""
        return not self.faults

    @property
    def named(self) -> dict[str, str]:
        """The sums by their names."""
        return dict(self.rows)

    def table(self) -> str:
        """Return the sums as a table, and what is wrong beneath it."""
        wide = max(len(name) for name, _ in self.rows)
        told = [f"{name:<{wide}}  {value}" for name, value in self.rows]
        verdict = ["every promise was kept"] if self.right else [f"WRONG: {fault}" for fault in self.faults]
        return "\n".join([*told, *verdict])

    def assert_right(self) -> None:
        """Fail where a promise was broken."""
        assert self.right, f"\n{self.table()}"


def judge(
    database: Database,
    sink_log: Path | Iterable[Path],
    *,
    answered: Collection[str],
    bound: Bound,
    now: datetime,
    source: str = "shop",
    asked: Collection[Asked] = (),
    expected: Mapping[str, int] | None = None,
    spools: Iterable[Path] = (),
    resting: bool = True,
) -> Sums:
    """Compare what was seen outside with the database.

    Parameters:
        sink_log: of the sink, or of each of several.
        answered: the shop's ids of the events that were answered 202.
        now: the shop's time; what is due by then should be done.
        source: the name of the ingest key that the events came with.
        expected: how many messages of each template there should be, each of them handed over.
        spools: folders `var/spool`, which should be empty.
        resting: whether nothing may be left that waits for a later time either.
    """
    book = _Book()
    logs = [sink_log] if isinstance(sink_log, Path) else list(sink_log)
    seen = [line for log in logs for line in read_log(log)]
    with database.reading() as connection:
        _events(book, connection, answered, source)
        _mails(book, connection, seen, bound, expected)
        _stuck(book, connection, now, resting)
        _hits(book, connection, asked)
        _facts(book, connection)
    left = [str(path) for folder in spools if folder.is_dir() for path in folder.iterdir() if path.stat().st_size]
    book.row("spool files left", len(left))
    book.none(left, "spool files were not read back")
    return Sums(tuple(book.rows), tuple(book.faults))


class _Book:
    """Sums and faults as they are found."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.faults: list[str] = []

    def row(self, name: str, value: int | str) -> None:
        self.rows.append((name, f"{value:,}" if isinstance(value, int) else value))

    def none(self, found: Collection[object], what: str) -> None:
        """Note a fault if there is anything; some of it is named."""
        if found:
            some = ", ".join(str(one) for one in sorted(found, key=str)[:SHOWN])
            self.faults.append(f"{len(found)} {what}: {some}{' …' if len(found) > SHOWN else ''}")


def _events(book: _Book, connection: Connection, answered: Collection[str], source: str) -> None:
    rows = connection.execute(select(event.c.external_id, event.c.state).where(event.c.source == source)).all()
    times = Counter(row.external_id for row in rows)
    book.row("events answered 202", len(set(answered)))
    book.row("events in the database", _told(Counter(row.state for row in rows)))
    book.none({one for one in answered if not times[one]}, "events were answered 202 and are not there")
    book.none({one for one, count in times.items() if count > 1}, "events are there more than once")
    book.none({row.external_id for row in rows if row.state == "refused"}, "events were refused")


def _mails(
    book: _Book, connection: Connection, seen: list[Line], bound: Bound, expected: Mapping[str, int] | None
) -> None:
    columns = (message.c.id, message.c.message_id, message.c.state, message.c.reason, message.c.template)
    rows = connection.execute(select(*columns)).all()
    states = Counter(row.state for row in rows)
    book.row("messages in the ledger", _told(states))
    accepted = Counter(line.message_id for line in seen if line.what is What.ACCEPTED)
    by_id = {row.message_id: row for row in rows if row.message_id}
    handed = {one for one, row in by_id.items() if row.state in ("sent", "bounced", "complained")}
    unknown = {one for one, row in by_id.items() if row.state == "unknown"}
    settled = {one for one, row in by_id.items() if row.state == "sent" and row.reason == EVIDENCE}
    assumed = {one for one in handed if (by_id[one].reason or "").startswith("assumed sent")}
    book.row("mails accepted by the SMTP server", accepted.total())
    book.row("Message-IDs among them", len(accepted))
    book.none({one for one, count in accepted.items() if count > 1}, "mails were accepted more than once")
    book.none(accepted.keys() - by_id.keys(), "mails were accepted that the ledger has not")
    book.none(accepted.keys() & by_id.keys() - handed - unknown, "mails were accepted that the ledger calls unsent")
    book.none(handed - assumed - accepted.keys(), "mails are called sent that no server accepted")
    unanswered = {line.message_id for line in seen if line.what is What.UNANSWERED}
    stay, once = len(unknown - unanswered), len((unknown | settled | assumed) - unanswered)
    book.row("unknown, of which arrived", f"{len(unknown):,}, {len(unknown & accepted.keys()):,}")
    book.row("unknown once, settled by an open or click", len(settled))
    book.row("of them left without an answer by the server", len((unknown | settled | assumed) & unanswered))
    book.row("of them by the loss of a process, at most", f"{once:,}, {bound.total + bound.doubted:,}")
    if bound.doubted:
        book.row("of these unknown for good, at most", f"{stay:,}, {bound.total:,}")
    if stay > bound.total:
        book.faults.append(f"{stay} mails are unknown by the loss of processes; at most {bound.total} may be")
    elif once > bound.total + bound.doubted:
        most = bound.total + bound.doubted
        book.faults.append(f"{once} mails were unknown by the loss of processes; at most {most} may have been")
    others = [row.id for row in rows if row.state in ("skipped", "failed", "cancelled")]
    book.none(others, "messages were not sent (skipped, failed, cancelled)")
    if expected is not None:
        found = Counter(row.template for row in rows)
        wrong = {f"{name}: {found[name]} of {count}" for name, count in expected.items() if found[name] != count}
        for name, count in expected.items():
            book.row(f"messages of {name}, of", f"{found[name]:,}, {count:,}")
        book.none(wrong | (found.keys() - expected.keys()), "templates have too many messages or too few")


def unfinished(connection: Connection, now: datetime) -> tuple[dict[str, int], datetime | None]:
    """Return what is in hand or due now, by kind; and the earliest time at which something else will be due."""
    counts = {
        "messages in hand": _count(message.c.state.in_(["claimed", "transmitting"])),
        "messages queued and due": _count(message.c.state == "queued", message.c.not_before <= now),
        "events received": _count(
            event.c.state == "received", or_(event.c.not_before.is_(None), event.c.not_before <= now)
        ),
        "journeys due": _count(journey.c.state == "waiting", journey.c.look_at <= now),
        "journeys told to look again": _count(journey.c.state == "waiting", journey.c.look_again),
        "hits not classed": _count(hit.c["class"].is_(None)),
    }
    found = {name: int(connection.execute(count).scalar_one()) for name, count in counts.items()}
    later = (
        select(func.min(message.c.not_before)).where(message.c.state == "queued", message.c.not_before > now),
        select(func.min(journey.c.look_at)).where(journey.c.state == "waiting", journey.c.look_at > now),
        select(func.min(event.c.not_before)).where(event.c.state == "received", event.c.not_before > now),
    )
    moments = [connection.execute(one).scalar() for one in later]
    return {name: count for name, count in found.items() if count}, min(filter(None, moments), default=None)


def _stuck(book: _Book, connection: Connection, now: datetime, resting: bool) -> None:
    stuck, _ = unfinished(connection, now)
    at_rest = {
        "messages queued for later": _count(message.c.state == "queued", message.c.not_before > now),
        "events put off": _count(event.c.state == "received", event.c.not_before > now),
        "journeys waiting": _count(journey.c.state == "waiting", journey.c.look_at > now),
    }
    left = {"journeys failed": _count(journey.c.state == "failed"), **(at_rest if resting else {})}
    stuck |= {name: found for name, count in left.items() if (found := connection.execute(count).scalar_one())}
    book.row("stuck", _told(stuck) if stuck else "nothing")
    if stuck:
        book.faults.append(f"something is stuck: {_told(stuck)}")


def _hits(book: _Book, connection: Connection, asked: Collection[Asked]) -> None:
    agents = {one.agent for one in asked}
    times = Counter(one for one in connection.execute(select(hit.c.user_agent)).scalars() if one in agents)
    answered = [one for one in asked if one.answered]
    book.row("links and pixels asked for", f"{len(asked):,}, answered {len(answered):,}")
    book.row("hits in the database", times.total())
    book.none({one.url for one in answered if not one.arrived}, "links did not lead to their targets")
    book.none({one.agent for one in answered if not times[one.agent]}, "hits were answered and are not there")
    book.none({one for one, count in times.items() if count > 1}, "hits are there more than once")


def _facts(book: _Book, connection: Connection) -> None:
    """Compare what is kept of customers with their orders; of SQLite, ask whether the file is sound."""
    mine = select(func.count()).where(orders.c.customer_id == customer.c.id, orders.c.counted).scalar_subquery()
    wrong = connection.execute(select(customer.c.id).where(customer.c.orders_count != mine)).scalars().all()
    book.row("orders counted", int(connection.execute(_count(orders.c.counted)).scalar_one()))
    book.none(wrong, "customers have another number of orders than they placed")
    if connection.dialect.name == "sqlite":
        faults = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
        book.none(faults, "faults are in the database file")


def _count(*conditions: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).where(*conditions)


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
