"""A mail in the browser: rendered anew for the one who got it, without a pixel and with plain links.

It is made of the message's own values, the template of now and the facts of now, as of the moment at which the mail
was made: its dates are the mail's, and a coupon that was good then is shown. Nothing of it is counted: looking at the
page is no open, and its links are no clicks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from worker.delivery.enclosures import shown_alone
from worker.delivery.preparing import NotMade, Preparing
from worker.domain.policy import SkipReason
from worker.storage.database import Database
from worker.storage.sent_mails import sent_mail


class Unseen(StrEnum):
    """Why a mail cannot be shown."""

    NEVER_SENT = "never sent"  # there is no such mail, or it was skipped, or is not sent yet
    ERASED = "erased"  # the customer's data have been erased
    CHANGED = "changed"  # its template is gone, or asks for what this mail has not


@dataclass(frozen=True, slots=True)
class Seen:
    """What a browser is shown; one of `html` and `unseen` is None.

    Parameters:
        language: of the mail, where it is known.
        why: what failed, for a log.
    """

    html: str | None
    unseen: Unseen | None
    language: str | None = None
    why: str = ""


class Viewing:
    """Shows mails of one shop."""

    def __init__(self, database: Database, preparing: Preparing) -> None:
        self._database = database
        self._preparing = preparing

    def show(self, number: int) -> Seen:
        """Return a mail by its number, or why it cannot be shown.

        Raises:
            UnavailableError: the database cannot be reached.
            DBAPIError: the database failed.
        """
        with self._database.reading() as connection:
            found = sent_mail(connection, number)
            if found is None:
                return Seen(None, Unseen.NEVER_SENT)
            (loaded,) = self._preparing.load(connection, [found.message], found.at)
        if isinstance(loaded, NotMade):
            return Seen(None, Unseen.CHANGED, found.language, loaded.reason)
        made = self._preparing.seen(loaded, found.language, found.at)
        if isinstance(made, NotMade):
            erased = made.reason == SkipReason.ERASED.value
            return Seen(None, Unseen.ERASED if erased else Unseen.CHANGED, found.language, made.reason)
        return Seen(shown_alone(made.html, made.files), None, found.language)
