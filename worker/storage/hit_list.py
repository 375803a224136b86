"""The latest hits, with what they were taken for and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from worker.domain.hits import HitClass, HitKind
from worker.storage.tables import customer, hit, message


@dataclass(frozen=True, slots=True)
class Told:
    """One hit.

    Parameters:
        whose: None where it is not classed yet.
        customer: our number of whom the mail went to; None where there is no such mail. `shop_id` is the shop's own.
    """

    id: int
    at: datetime
    kind: HitKind
    message: int
    customer: int | None
    shop_id: str | None
    flow: str | None
    step: str | None
    link: int | None
    url: str | None
    whose: HitClass | None
    reason: str | None
    program: str | None
    device: str | None
    user_agent: str | None


def is_mail(connection: Connection, number: int) -> bool:
    """Say whether there is a mail of that number, or hits that are kept of one."""
    there = connection.execute(select(message.c.id).where(message.c.id == number)).first()
    return (
        there is not None or connection.execute(select(hit.c.id).where(hit.c.message_id == number)).first() is not None
    )


def latest(
    connection: Connection,
    most: int,
    *,
    mail: int | None = None,
    customers: Sequence[int] | None = None,
    whose: HitClass | None = None,
    since: datetime | None = None,
) -> list[Told]:
    """Return the hits that came last, the newest first.

    Parameters:
        mail: only those on this mail, by the number of its row.
        customers: only those on mails to these.
        whose: only those of this class.
        since: only those made from then on.
    """
    asked = (
        select(hit, message.c.customer_id, customer.c.external_id, message.c.flow, message.c.step)
        .select_from(
            hit.outerjoin(message, message.c.id == hit.c.message_id).outerjoin(
                customer, customer.c.id == message.c.customer_id
            )
        )
        .order_by(hit.c.id.desc())
        .limit(most)
    )
    if mail is not None:
        asked = asked.where(hit.c.message_id == mail)
    if customers is not None:
        asked = asked.where(message.c.customer_id.in_(list(customers)))
    if whose is not None:
        asked = asked.where(hit.c["class"] == whose.value)
    if since is not None:
        asked = asked.where(hit.c.at >= since)
    return [
        Told(
            row.id,
            row.at,
            HitKind(row.kind),
            row.message_id,
            row.customer_id,
            row.external_id,
            row.flow,
            row.step,
            row.link,
            row.url,
            HitClass(row._mapping["class"]) if row._mapping["class"] else None,
            row.reason,
            row.program,
            row.device,
            row.user_agent,
        )
        for row in connection.execute(asked)
    ]
