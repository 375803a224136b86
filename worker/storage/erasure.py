"""Erasing a person: what is under way is ended, what names them goes, keyed hashes say that they were there.

Figures stay: which mails went when, which orders there were, which journeys ended how (`worker.storage.personal`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from worker.domain.journeys import JourneyState
from worker.domain.messages import MessageState
from worker.domain.pseudonyms import Names, Pseudonyms
from worker.domain.tasks import PHIN, Outcome
from worker.domain.webhooks import WebhookState
from worker.storage import persons, reminders, tasks
from worker.storage.ledger import stands
from worker.storage.personal import HELD, TOLD_IN, Held, Whose
from worker.storage.persons import Person
from worker.storage.rows import insert
from worker.storage.tables import address, customer, erased, event, journey, message, metadata, task, webhook
from worker.storage.types import Instant, Json

REASON = "erased"
CLEARED = "cleared"  # stands in JSON of which not all is kept
S = MessageState

_ERASED = select(erased.c.hash, erased.c.at).where(
    erased.c.hash.in_(bindparam("hashes", expanding=True)), erased.c.lifted_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an address or id that belonged to somebody who was erased."""

    at: datetime


def counted(connection: Connection, person: Person) -> dict[str, int]:
    """Return how many rows of each table are a person's, by the table's name; tables without any are left out."""
    found: dict[str, int] = {}
    for name, held, table in _tables():
        mine = persons.theirs(table, held.whose, person)
        count = 0 if mine is None else connection.execute(select(func.count()).select_from(table).where(mine)).scalar()
        if count:
            found[name] = count
    return found


def stop(connection: Connection, person: Person, now: datetime) -> None:
    """End what is under way for a person whom this transaction holds: tasks, journeys, mails, webhooks, events.

    A mail that is being handed over at this moment is let finish: nobody can call it back.
    """
    ids = list(person.customers)
    open_tasks = select(task.c.id).where(task.c.customer_id.in_(ids), tasks.OPEN).order_by(task.c.id).with_for_update()
    for number in connection.execute(open_tasks).scalars().all():
        tasks.close(connection, number, Outcome.NOT_NEEDED, PHIN, now)
        reminders.settle_all(connection, number, now)
    travels = select(journey.c.id).where(journey.c.customer_id.in_(ids)).order_by(journey.c.id)
    connection.execute(travels.with_for_update(key_share=True)).all()
    waiting = update(journey).where(journey.c.customer_id.in_(ids), journey.c.state == JourneyState.WAITING.value)
    ended = {"state": JourneyState.EXITED.value, "reason": REASON, "ended_at": now, "due_at": None, "look_at": None}
    connection.execute(waiting.values(**ended, look_again=False))
    connection.execute(update(journey).where(journey.c.customer_id.in_(ids)).values(withdrawn=True))
    mine = persons.theirs(message, Whose.MESSAGE, person)
    assert mine is not None
    unsent = update(message).where(mine, stands(S.QUEUED, S.CLAIMED))
    taken_back = {"state": S.CANCELLED.value, "reason": REASON, "settled_at": now, "claim": None, "lease_until": None}
    connection.execute(unsent.values(**taken_back))
    untold = update(webhook).where(webhook.c.customer_id.in_(ids), webhook.c.state == WebhookState.QUEUED.value)
    connection.execute(untold.values(state=WebhookState.FAILED.value, settled_at=now, claim=None))
    named = persons.theirs(event, Whose.EVENT, person)
    assert named is not None
    received = update(event).where(named, event.c.state == "received")  # found by the customer from now on
    connection.execute(received.values(state="processed", customer_id=person.number))


def clean(connection: Connection, person: Person, pseudonyms: Pseudonyms) -> None:
    """Do to a person's rows what the registry says of each column; done again it changes nothing that is clean.

    Rows that hang on others go first, and by what they are found last: the customer's own.
    """
    for _, held, table in _tables():
        mine = persons.theirs(table, held.whose, person)
        if mine is None:
            continue
        if held.delete:
            connection.execute(delete(table).where(mine))
            continue
        _rewrite(connection, table, held, mine, person, pseudonyms)
        _empty(connection, table, held, mine)


def remember(connection: Connection, person: Person, pseudonyms: Pseudonyms, now: datetime) -> None:
    """Mark the record as erased, and keep a keyed hash of each address and id."""
    gone = update(customer).where(customer.c.id.in_(person.customers))
    connection.execute(
        gone.values(erased_at=func.coalesce(customer.c.erased_at, literal(now, Instant())), updated_at=now)
    )
    named = [(Names.EMAIL, one) for one in person.emails] + [(Names.ID, one) for one in person.external_ids]
    for kind, text in named:
        made = pseudonyms.of(kind, text)
        new = insert(connection, erased).values(hash=made.hash, kind=kind.value, ring=made.ring, at=now)
        again = {"at": now, "lifted_at": None}
        connection.execute(new.on_conflict_do_update(index_elements=["hash"], set_=again))


def known(connection: Connection, pseudonyms: Pseudonyms, external_id: str | None, email: str | None) -> Known | None:
    """Return when whoever had this id or address was erased, the latest; None for others and who came back since."""
    return known_each(connection, pseudonyms, [(external_id, email)])[0]


def known_each(
    connection: Connection, pseudonyms: Pseudonyms, whom: Sequence[tuple[str | None, str | None]]
) -> list[Known | None]:
    """Return the same of several, asked at once.

    Parameters:
        whom: of each the id and the address.
    """
    hashes = [
        [
            one
            for kind, text in zip((Names.ID, Names.EMAIL), named, strict=True)
            if text
            for one in pseudonyms.each(kind, text)
        ]
        for named in whom
    ]
    every = sorted({one for of_one in hashes for one in of_one})
    found: dict[str, datetime] = dict(connection.execute(_ERASED, {"hashes": every}).all()) if every else {}
    times = [[found[one] for one in of_one if one in found] for of_one in hashes]
    return [Known(max(at)) if at else None for at in times]


def strange(connection: Connection, pseudonyms: Pseudonyms) -> int:
    """Return how many hashes were made with a key that is no longer there."""
    others = erased.c.ring.not_in(sorted(pseudonyms.rings))
    return int(connection.execute(select(func.count()).select_from(erased).where(others)).scalar_one())


def come_back(
    connection: Connection, pseudonyms: Pseudonyms, external_id: str | None, email: str | None, now: datetime
) -> None:
    """Note that whoever had this id or address has come back by themselves."""
    for kind, text in ((Names.ID, external_id), (Names.EMAIL, email)):
        if text:
            mine = erased.c.hash.in_(pseudonyms.each(kind, text))
            connection.execute(update(erased).where(mine, erased.c.lifted_at.is_(None)).values(lifted_at=now))


def suppress(connection: Connection, email: str, gone: Known) -> None:
    """Let nothing go to an address that an erased person comes up with again, unheard of as it is."""
    values: dict[str, Any] = {"suppressed": REASON, "suppressed_at": gone.at}
    refused = {f"marketing{part}": value for part, value in (("", "unsubscribed"), ("_at", gone.at))}
    new = insert(connection, address).values(email=email, **values, **refused)
    connection.execute(new.on_conflict_do_nothing())


def lift(connection: Connection, email: str) -> None:
    """Let mail go again to an address that was suppressed for the erasure alone."""
    mine = update(address).where(address.c.email == email, address.c.suppressed == REASON)
    connection.execute(mine.values(suppressed=None, suppressed_at=None))


def drop_event(connection: Connection, event_id: int, pseudonyms: Pseudonyms) -> None:
    """Close an event that tells of somebody's time before they were erased; only that it came is kept.

    Sent again, it is another row, and closed again.
    """
    row = connection.execute(select(event.c.external_id).where(event.c.id == event_id)).one()
    values: dict[str, Any] = {
        **HELD["event"].blank,
        "external_id": f"{REASON}:{pseudonyms.of(Names.TEXT, f'{event_id} {row.external_id}').hash}",
        "state": "processed",
        "reason": "the customer was erased",
    }
    connection.execute(update(event).where(event.c.id == event_id).values(values))


def _tables() -> list[tuple[str, Held, Table]]:
    """Return the tables that hold something of a person: those that others are found by come last."""
    last = ("task", "message", "journey", "orders", "event", "customer")
    ordered = sorted(HELD, key=lambda name: (last.index(name) + 1 if name in last else 0, name))
    return [(name, HELD[name], metadata.tables[name]) for name in ordered if HELD[name].whose is not Whose.NOBODY]


def _empty(connection: Connection, table: Table, held: Held, mine: ColumnElement[bool]) -> None:
    """Empty the columns that are to be, in the rows that hold something there."""
    values: dict[str, Any] = dict(held.blank)
    full = [differs(table, name, value) for name, value in values.items()]
    for name in held.told:
        quotes = table.c.state.in_(TOLD_IN)
        values[name] = case((quotes, None), else_=table.c[name])
        full.append(quotes & table.c[name].is_not(None))
    if values:
        connection.execute(update(table).where(mine, or_(*full)).values(values))


def differs(table: Table, name: str, value: Any) -> ColumnElement[bool]:
    """Return the condition for rows whose column holds something else."""
    column = table.c[name]
    if value is None:
        return column.is_not(None)
    if isinstance(column.type, type(Json)):
        return cast(column, Text) != json.dumps(value)
    return column.is_distinct_from(value)


def _rewrite(
    connection: Connection,
    table: Table,
    held: Held,
    mine: ColumnElement[bool],
    person: Person,
    pseudonyms: Pseudonyms,
) -> None:
    """Put keyed hashes where they belong, and leave of JSON what stays."""
    names = sorted([*held.hashed, *held.scrub, *held.only])
    if not names:
        return
    keys = [column.name for column in table.primary_key.columns]
    rows = connection.execute(select(*(table.c[name] for name in (*keys, *names))).where(mine)).all()
    changed = []
    for row in rows:
        before = {name: row._mapping[name] for name in names}
        after = {name: _rewritten(held, name, value, person, pseudonyms) for name, value in before.items()}
        if after != before:
            changed.append({f"of_{key}": row._mapping[key] for key in keys} | {f"to_{k}": v for k, v in after.items()})
    if changed:
        found = [table.c[key] == bindparam(f"of_{key}", type_=table.c[key].type) for key in keys]
        to = {name: bindparam(f"to_{name}", type_=table.c[name].type) for name in names}
        connection.execute(update(table).where(*found).values(to), changed)


def _rewritten(held: Held, name: str, value: Any, person: Person, pseudonyms: Pseudonyms) -> Any:
    if value is None:
        return None
    if name in held.only:
        return left(value, held.only[name])
    text = str(value)
    if text.startswith(f"{REASON}:") or (name in held.scrub and not _names(text, person.words)):
        return text
    kind = Names.EMAIL if name == "email" else Names.TEXT
    return f"{REASON}:{pseudonyms.of(kind, text).hash}"


def left(value: Any, keys: Iterable[str]) -> Any:
    """Return what stays of JSON, with a mark where something went; the same where nothing does."""
    if not isinstance(value, Mapping):
        return {CLEARED: True}
    kept = {key: value[key] for key in keys if key in value}
    return value if len(kept) + (CLEARED in value) == len(value) else {**kept, CLEARED: True}


def _names(text: str, words: Iterable[str]) -> bool:
    small = text.casefold()
    return any(word.casefold() in small for word in words)
