"""Answering: what a mail's reader says to the question it asks becomes a row, and an event that flows may start from.

It is said by the button of a page, never by following the link: scanners follow links.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from worker.delivery.recipients import recipient_of, report
from worker.domain.work import Work
from worker.storage import surveys
from worker.storage.database import Database
from worker.storage.surveys import Said

LONGEST_COMMENT = 2_000  # characters
MOST_VERSIONS = 20  # answers to one question: nobody changes their mind more often


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said.

    Parameters:
        message: number of the mail that asks.
        survey: name of the question.
        score: a mark of its scale.
        comment: what was written beside it, or None.
    """

    message: int
    survey: str
    score: int
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its page shows it: the language of the mail, and what was answered before."""

    language: str | None
    said: Said | None


def asked(database: Database, message: int, survey: str) -> Asked | None:
    """Return what there is to know for the page; None where the mail's customer was erased.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with database.reading() as connection:
        found = recipient_of(connection, message)
        return None if found is None else Asked(found.language, surveys.answer_of(connection, message, survey))


def answer(database: Database, given: Answer, now: datetime) -> tuple[bool, Work]:
    """Keep an answer in one transaction with its event; the same said again changes nothing.

    Returns:
        Whether there is anybody whose answer it is, and the `survey.answered` event, to be processed.

    Raises:
        UnavailableError: the database cannot be reached; nothing was written.
    """
    with database.writing() as connection:
        found = recipient_of(connection, given.message)
        if found is None:
            return False, Work()
        before = surveys.answer_of(connection, given.message, given.survey, hold=True)
        if before is not None and before.version >= MOST_VERSIONS:
            return True, Work()
        comment = (given.comment or "").strip()[:LONGEST_COMMENT] or None
        version = surveys.keep(
            connection, given.message, given.survey, found.customer_id, found.flow, given.score, comment, now
        )
        if version is None:
            return True, Work()
        data = {"survey": given.survey, "score": given.score, "comment": comment}
        id_ = f"survey:{given.message}:{given.survey}:{version}"
        return True, Work(events=report(connection, found, "survey.answered", id_, data, now, now))
