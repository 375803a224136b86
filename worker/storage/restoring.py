"""A database that was brought back from a back-up: what happened since is not in it, and must not happen twice.

Mails that were queued then may have gone out since; so may those of journeys that were to go on since, and of turns of
triggers that came since. Numbers that were given since stand in links that people have, and must not become another's.
None of this is a move of the ledger (`worker.domain.messages`): rows are corrected by what nobody knows any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from worker.domain.messages import Kind, MessageState
from worker.storage import flows
from worker.storage.claims import COLUMNS, Claimed, claimed_of
from worker.storage.ledger import stands
from worker.storage.tables import message, occurrence, process, switch, task, trigger_start

S = MessageState

STATE = "restored"  # the switch that says how far a restored database is
COPY = 1  # a back-up that nobody may work on yet
CATCHING_UP = 2  # paused, while what fell due since is written down and not sent
LEFT_OUT = 10_000_000  # numbers left out in each table: more than were given since the back-up
SLICE = 1_000
REASON = "restored from a back-up: may have been sent since"

_WAITS = (
    select(*COLUMNS)
    .where(
        stands(S.QUEUED, S.CLAIMED, S.TRANSMITTING),
        message.c.not_before <= bindparam("now"),
        message.c.id > bindparam("after"),
    )
    .order_by(message.c.id)
    .limit(SLICE)
)
_DOUBT = (
    update(message)
    .where(message.c.id == bindparam("number"))
    .values(
        state=bindparam("to"),
        reason=REASON,
        settled_at=bindparam("at"),
        # as far as anybody can tell: then it would have gone
        transmitting_at=func.coalesce(message.c.transmitting_at, message.c.not_before),
        sent_at=bindparam("sent"),
        message_id=bindparam("identifier"),
        claim=None,
        lease_until=None,
    )
)
_SKIP = "SELECT setval(pg_get_serial_sequence(:table, 'id'), nextval(pg_get_serial_sequence(:table, 'id')) + :more)"


def state(connection: Connection) -> int:
    """Return how far a restored database is: `COPY`, `CATCHING_UP`, or 0 for one that nothing is to be done about."""
    return flows.switches(connection).get(STATE, 0)


def set_state(connection: Connection, value: int, now: datetime) -> None:
    """Note how far it is."""
    connection.execute(delete(switch).where(switch.c.name == STATE))
    if value:
        connection.execute(insert(switch).values(name=STATE, value=value, changed_at=now))


def skip_turns(connection: Connection, now: datetime) -> int:
    """Have no turn of a trigger that came before now enter anybody; returns how many were under way."""
    connection.execute(update(trigger_start).where(trigger_start.c.since < now).values(since=now))
    under_way = update(occurrence).where(occurrence.c.state == "open").values(state="late", ended_at=now)
    return connection.execute(under_way).rowcount


def forget_processes(connection: Connection) -> None:
    """Take away the words of processes that lived when the back-up was made."""
    connection.execute(delete(process))


def leave_numbers_out(connection: Connection, now: datetime) -> None:
    """Have new messages and tasks get numbers that nobody can have got since the back-up."""
    if connection.dialect.name == "postgresql":
        for table in (message, task):
            connection.execute(text(_SKIP), {"table": table.name, "more": LEFT_OUT})
        return
    # SQLite counts on from the highest number that there is, so a row that nothing follows from holds it
    number = {table: connection.execute(select(func.max(table.c.id))).scalar() or 0 for table in (message, task)}
    key = {"key": f"numbers left out {now.isoformat()}", "state": "cancelled", "created_at": now}
    ended: dict[str, Any] = {"kind": Kind.TRANSACTIONAL.value, "template": "none", "staff": "nobody", "reason": REASON}
    ended |= {"not_before": now, "settled_at": now}
    connection.execute(insert(message).values(id=number[message] + LEFT_OUT, **key, **ended))
    done: Mapping[str, Any] = {"type": "todo", "priority": "low", "title": {}, "closed_at": now}
    connection.execute(insert(task).values(id=number[task] + LEFT_OUT, **key, **done))


def in_doubt(connection: Connection, now: datetime) -> Iterator[list[Claimed]]:
    """Yield, in slices, the mails that a sender had in hand or may have taken since."""
    after = 0
    while rows := connection.execute(_WAITS, {"now": now, "after": after}).all():
        yield [claimed_of(row) for row in rows]
        after = rows[-1].id


def settle(connection: Connection, mails: Mapping[int, str], sent: Collection[int], now: datetime) -> None:
    """Write that nobody knows whether these mails were sent, and of some that they were.

    Parameters:
        mails: their numbers, each with its Message-ID.
    """
    if mails:
        known = {True: S.SENT.value, False: S.UNKNOWN.value}
        rows = [
            {"number": number, "identifier": identifier, "to": known[number in sent], "at": now}
            | {"sent": now if number in sent else None}
            for number, identifier in mails.items()
        ]
        connection.execute(_DOUBT, rows)
