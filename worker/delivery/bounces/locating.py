"""Which of our mails a report is about, and by what that is known: nothing follows for a mail that is not found.

A report is an e-mail that anybody may write. What only we can have made is believed: a signed token, or the Message-ID
of a mail together with the address that it went to. An address alone is believed where a provider has signed the event,
or where mails leave without a token and one went there lately.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from worker.delivery.bounces.clues import Clues
from worker.domain.bounces import Finding, of_one_mail
from worker.storage import bounces
from worker.storage.bounces import ReturnedMail

LATELY = timedelta(days=7)  # servers try for five days, and say so then (RFC 5321, 4.5.4.1)


@dataclass(frozen=True, slots=True)
class Located:
    """What a report says of one mail; `mail` is None where none of ours is meant."""

    finding: Finding
    mail: ReturnedMail | None = None
    by: str | None = None


def locate(
    connection: Connection,
    clues: Clues,
    findings: Sequence[Finding],
    now: datetime,
    *,
    signed: bool,
    by_address: bool,
) -> list[Located]:
    """Return what is said of each mail.

    Parameters:
        signed: whether a provider signed it: then an address is believed, whenever a mail went there.
        by_address: whether an address is believed where a mail went there lately.
    """
    for by, numbers in (("verp", clues.verp), ("link", clues.links)):
        mails = bounces.mails(connection, numbers)
        if mails:
            return [Located(of_one_mail(findings, mails[0].email), mails[0], by)]
    return list(_by_addresses(connection, clues, findings, now, signed=signed, by_address=by_address))


def _by_addresses(
    connection: Connection, clues: Clues, findings: Sequence[Finding], now: datetime, *, signed: bool, by_address: bool
) -> Iterator[Located]:
    for finding in findings:
        mails = bounces.mails_to(connection, finding.recipient) if finding.recipient else []
        named = next((mail for mail in mails if mail.message_id in clues.identifiers), None)
        if named is not None:
            yield Located(finding, named, "message-id")
            continue
        lately = mails[:1] if signed or (by_address and mails and mails[0].transmitting_at >= now - LATELY) else []
        yield Located(finding, lately[0], "address") if lately else Located(finding)
