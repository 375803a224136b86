"""Answers to surveys: kept once for each mail and survey, changed when said otherwise, counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, true, update

from worker.storage.rows import insert
from worker.storage.tables import customer, survey_answer


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered last.

    Parameters:
        version: how often it was said, each time otherwise than before.
    """

    score: int
    comment: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as the shop reads it; `customer` is the shop's own id, None for a guest."""

    survey: str
    score: int
    comment: str | None
    at: datetime
    customer: str | None
    name: str | None
    flow: str | None


def answer_of(connection: Connection, message_id: int, survey: str, *, hold: bool = False) -> Said | None:
    """Return what was answered to a mail's question, None before.

    Parameters:
        hold: whether to keep others from changing it until the end of the transaction.
    """
    asked = select(survey_answer).where(survey_answer.c.message_id == message_id, survey_answer.c.survey == survey)
    row = connection.execute(asked.with_for_update() if hold else asked).first()
    return None if row is None else Said(row.score, row.comment, row.version)


def keep(
    connection: Connection,
    message_id: int,
    survey: str,
    customer_id: int,
    flow: str | None,
    score: int,
    comment: str | None,
    now: datetime,
) -> int | None:
    """Keep an answer; returns its version, None where it says what was said before."""
    values = {"message_id": message_id, "survey": survey, "customer_id": customer_id, "flow": flow}
    said = {"score": score, "comment": comment}
    new = insert(connection, survey_answer).values(**values, **said, answered_at=now, changed_at=now)
    added = connection.execute(new.on_conflict_do_nothing().returning(survey_answer.c.version)).scalar()
    if added is not None:
        return int(added)
    before = answer_of(connection, message_id, survey, hold=True)
    if before is None or (before.score, before.comment) == (score, comment):
        return None
    connection.execute(
        update(survey_answer)
        .where(survey_answer.c.message_id == message_id, survey_answer.c.survey == survey)
        .values(**said, changed_at=now, version=before.version + 1)
    )
    return before.version + 1


def counts(connection: Connection, since: datetime | None = None) -> dict[str, dict[int, int]]:
    """Return for each survey that anybody answered how many gave each mark.

    Parameters:
        since: only what was said from then on; None: all.
    """
    late = true() if since is None else survey_answer.c.changed_at >= since
    asked = select(survey_answer.c.survey, survey_answer.c.score, func.count()).where(late)
    found: dict[str, dict[int, int]] = {}
    for name, score, count in connection.execute(asked.group_by(survey_answer.c.survey, survey_answer.c.score)):
        found.setdefault(name, {})[score] = count
    return found


def latest(
    connection: Connection, most: int, survey: str | None = None, since: datetime | None = None
) -> list[Answered]:
    """Return the latest answers, the newest first."""
    mine = [] if survey is None else [survey_answer.c.survey == survey]
    late = [] if since is None else [survey_answer.c.changed_at >= since]
    rows = connection.execute(
        select(survey_answer, customer.c.external_id, customer.c.name)
        .select_from(survey_answer.join(customer, customer.c.id == survey_answer.c.customer_id))
        .where(*mine, *late)
        .order_by(survey_answer.c.changed_at.desc(), survey_answer.c.id.desc())
        .limit(most)
    )
    return [
        Answered(row.survey, row.score, row.comment, row.changed_at, row.external_id, row.name, row.flow)
        for row in rows
    ]
