"""A preview as a mail to oneself: marked, with plain links, and with nothing in it by which it could be counted."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from worker.delivery import mime
from worker.delivery.transport import Answer, Outcome, Outgoing, Transport
from worker.domain.answers import Blame, Stage, class_answer
from worker.domain.errors import PhinError
from worker.domain.setting_groups import Shop
from worker.rehearsal.previewing import Previewed

NO_MESSAGE = 0  # number of a mail that has no row in the ledger
_MARKS = {"vi": "[Thử]"}  # before the subject; other languages: [Test]


class NotTakenError(PhinError):
    """The mail to oneself was not taken; the message says by whom, in which words, and what to do."""


class _Silent:
    """A journal for a mail that the ledger knows nothing of."""

    def handing(self, message: int) -> None:
        """Write nothing down."""

    def answered(self, answer: Answer) -> None:
        """Write nothing down."""


def mail_to_oneself(seen: Previewed, to: str, shop: Shop, now: datetime) -> Outgoing:
    """Return the finished mail, which says of itself that it is a test.

    It has no `List-Unsubscribe` and no `Feedback-ID`: nobody is to be taken off a list by it, and no provider is to
    count it. Its Message-ID is another each time.

    Parameters:
        to: an e-mail address, normalised.
        now: aware.
    """
    mark = _MARKS.get(seen.language, "[Test]")
    rendered = replace(seen.rendered, subject=f"{mark} {seen.rendered.subject}")
    message_id = f"test-{secrets.token_hex(12)}@{shop.sender.email.rpartition('@')[2]}"
    content = mime.build(
        rendered,
        to_name=None,
        to_email=to,
        message_id=message_id,
        date=now.astimezone(ZoneInfo(shop.timezone)),
        headers={"Auto-Submitted": "auto-generated", "X-Phin-Test": "yes"},
        boundary=f"=_{secrets.token_hex(12)}",
    )
    return Outgoing(NO_MESSAGE, rendered.from_email, to, content, message_id)


def hand_over(transport: Transport, mail: Outgoing, relay: str) -> Answer:
    """Hand the mail over, once; returns the answer of whoever took it.

    Parameters:
        relay: how the relay is called, without its credentials.

    Raises:
        NotTakenError: it was not taken, or that is not known.
    """
    try:
        answers: Iterable[Answer] = list(transport.send([mail], _Silent()))
    finally:
        transport.close()
    (answer,) = answers
    if answer.outcome is not Outcome.ACCEPTED:
        raise NotTakenError(_told(answer, relay))
    return answer


def _told(answer: Answer, relay: str) -> str:
    said = " ".join(f"{answer.code or ''} {answer.text}".split()).rstrip(".")
    if answer.outcome is Outcome.UNKNOWN:
        return f"{relay} did not say whether it took the mail ({said}); look into your mailbox before you try again"
    if answer.code is None:
        return f"no mail went out: {said}"
    blame = class_answer(answer.code, answer.text, answer.stage).blame
    if answer.stage in (None, Stage.CONNECT):
        remedy = "look at user and password in smtp_url (PHIN_SMTP_URL)"
        return f"{relay} takes no mail from us: {said}" + (f"; {remedy}" if blame is Blame.OURSELVES else "")
    whom = {
        Stage.MAIL: "does not take the sender's address; look at shop.sender in config/phin.yaml",
        Stage.RCPT: "does not take the address that you named",
    }.get(answer.stage, "did not take the mail")
    head, _, remedy = whom.partition("; ")
    later = "" if answer.outcome is Outcome.REFUSED else "; that may pass, so try again later"
    return f"{relay} {head}: {said}" + (f"; {remedy}" if remedy else later)
