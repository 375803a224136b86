"""Suppression: addresses to which nothing goes any more, or no marketing by a flow's word, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from worker.domain.journeys import TraceEntry, TraceKind
from worker.domain.messages import MessageState
from worker.domain.policy import SkipReason
from worker.storage import bounces, traces
from worker.storage.rows import insert
from worker.storage.tables import address, customer, journey, message

_EMAIL_OF = select(customer.c.email).where(customer.c.id == bindparam("of")).scalar_subquery()
_LIFT = (
    update(address)
    .where(
        address.c.email == _EMAIL_OF,
        address.c.marketing_suppressed.is_not(None),
        address.c.marketing_suppressed_at < bindparam("at", type_=address.c.marketing_suppressed_at.type),
    )
    .values(marketing_suppressed=None)
    .returning(address.c.marketing_suppressed_by, address.c.marketing_suppressed_at)
)
_HOLD_JOURNEY = select(journey.c.id).where(journey.c.id == bindparam("id")).with_for_update(key_share=True)


def suppress_recipient(connection: Connection, message_id: int, reason: str, at: datetime) -> None:
    """Suppress the address that a message went to; the first reason stays."""
    email = connection.execute(select(message.c.email).where(message.c.id == message_id)).scalar()
    if email is not None:
        suppress(connection, email, reason, at)


def suppress(connection: Connection, email: str, reason: str, at: datetime) -> None:
    """Let nothing more go to an address (normalised); the first reason stays."""
    values = {"suppressed": reason, "suppressed_at": at}
    statement = insert(connection, address).values(email=email, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["email"], set_=values, where=address.c.suppressed.is_(None))
    )


def lift(connection: Connection, email: str) -> str | None:
    """Let mail go again to an address that was suppressed; returns the reason that it was for, or None: it was not.

    Its soft bounces count no more.
    """
    held = select(address.c.suppressed).where(address.c.email == email).with_for_update()
    reason = connection.execute(held).scalar()
    if reason is not None:
        connection.execute(update(address).where(address.c.email == email).values(suppressed=None))
        bounces.forget_soft(connection, email)
    return reason


def lift_given_anew(connection: Connection, email: str, at: datetime) -> bool:
    """Let mail go again to an address that came back before `at`, for its owner has given it anew; says whether."""
    came_back = or_(address.c.suppressed.startswith("hard bounce"), address.c.suppressed.startswith("soft bounces"))
    held = select(address.c.email).where(address.c.email == email, came_back, address.c.suppressed_at < at)
    return connection.execute(held).first() is not None and lift(connection, email) is not None


def suppress_marketing(connection: Connection, email: str, reason: str, journey_id: int, at: datetime) -> None:
    """Let no more marketing go to an address, by a flow's step; of several words the latest holds."""
    values: Mapping[str, Any] = {
        "marketing_suppressed": reason,
        "marketing_suppressed_at": at,
        "marketing_suppressed_by": journey_id,
    }
    statement = insert(connection, address).values(email=email, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["email"], set_=values))


def lift_marketing(connection: Connection, customer_id: int, by: str, at: datetime, now: datetime) -> bool:
    """Let marketing go again to a customer's address that a flow's step suppressed before `at`; says whether it was.

    The journey that suppressed it tells so in its trace. Whoever asks holds the customer.

    Parameters:
        by: what the customer did, in words.
    """
    lifted = connection.execute(_LIFT, {"of": customer_id, "at": at}).first()
    if lifted is None:
        return False
    number: int = lifted.marketing_suppressed_by
    connection.execute(_HOLD_JOURNEY, {"id": number}).all()  # nobody else adds to its trace meanwhile
    traces.append(connection, number, [TraceEntry(TraceKind.SUPPRESSED, None, {"lifted": by})], now)
    return True


def skip(connection: Connection, message_ids: Sequence[int], now: datetime) -> None:
    """Leave out messages that were just queued, for their journey has suppressed the address before them."""
    queued = update(message).where(message.c.id.in_(list(message_ids)), message.c.state == MessageState.QUEUED.value)
    values = {"state": MessageState.SKIPPED.value, "reason": SkipReason.SUPPRESSED.value, "settled_at": now}
    connection.execute(queued.values(**values))
