"""Reports of returned mails as mail servers write them, about a mail of ours; and a house that takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zlib import crc32

from sqlalchemy import insert, select, update

from tests.support.ledger import NOW, add_customer, queue
from worker.delivery.bounces.parcel import Parcel
from worker.delivery.bounces.recording import Bounces, Taken
from worker.delivery.tokens import Tokens
from worker.domain.messages import Kind
from worker.domain.setting_mail import Bounces as BounceSettings
from worker.storage.database import Database
from worker.storage.tables import address, bounce, event, message

LATER = NOW + timedelta(hours=1)
LAN = "lan@example.com"
SECRET = b"a secret of forty characters for the tests"


def dsn(
    to: str,
    recipient: str = LAN,
    *,
    status: str = "5.1.1",
    diagnostic: str = "550 5.1.1 <lan@example.com>: Recipient address rejected: User unknown",
    action: str = "failed",
    notice: str = "I'm sorry to have to inform you that your message could not be delivered.",
    returned: str = "Subject: hello\n",
) -> bytes:
    """Return a delivery status notification (RFC 3464)."""
    return f"""From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Mon, 1 Mar 2027 08:00:00 +0000
Message-ID: <{crc32(f"{to} {recipient} {status} {action}".encode()):x}@mx.example.com>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=utf-8

{notice}

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnostic}

--B
Content-Type: text/rfc822-headers

{returned}
--B--
""".encode()


def arf(returned: str, *, kind: str = "abuse") -> bytes:
    """Return a feedback report with a redacted address (RFC 5965)."""
    return f"""From: feedback@provider.example
To: fbl@shop.example
Subject: FW: your mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

This is an email abuse report.

--B
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Provider/1.0
Version: 1
Original-Rcpt-To: <redacted@example.com>

--B
Content-Type: message/rfc822

{returned}

Good day
--B--
""".encode()


def plain(to: str, subject: str, text: str, sender: str = "MAILER-DAEMON@mx.example.com", **headers: str) -> bytes:
    """Return a report, or whatever else, that is a text for people only."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


@dataclass
class Counter:
    """Where reports are taken."""

    database: Database
    settings: BounceSettings = field(default_factory=BounceSettings)
    tokens: Tokens = field(default_factory=lambda: Tokens([SECRET]))

    @property
    def bounces(self) -> Bounces:
        """What takes them."""
        return Bounces(self.database, self.tokens, self.settings)

    def take(self, raw: bytes, at: datetime = LATER) -> Taken:
        """Take a report as from a pipe."""
        return self.bounces.take(Parcel(raw, len(raw)), "pipe", at)

    def verp(self, number: int) -> str:
        """Return the envelope sender of a mail."""
        return f"b+{self.tokens.bounce(number)}@bounces.shop.example"

    def mail(self, email: str = LAN, *, state: str = "sent", kind: Kind = Kind.MARKETING, **more: Any) -> int:
        """Return a mail that went to this address, of a customer who has it."""
        with self.database.writing() as connection:
            owner = add_customer(connection, email=email, external_id=more.pop("external_id", None))
            (number,) = queue(connection, f"m{owner}", kind=kind, customer_id=owner, flow="f", step="thanks")
            values = {"state": state, "email": email, "transmitting_at": NOW, "sent_at": NOW, **more}
            connection.execute(update(message).where(message.c.id == number).values(**values))
            known = connection.execute(select(address.c.email).where(address.c.email == email)).first()
            if known is None:
                told = {"email": email, "marketing": "subscribed", "marketing_at": NOW}
                connection.execute(insert(address).values(**told))
        return number

    def state(self, number: int) -> str:
        """Return where a mail stands."""
        with self.database.reading() as connection:
            return str(connection.execute(select(message.c.state).where(message.c.id == number)).scalar_one())

    def address(self, email: str = LAN) -> Any:
        """Return what is known of an address."""
        with self.database.reading() as connection:
            return connection.execute(select(address).where(address.c.email == email)).first()

    def rows(self) -> list[Any]:
        """Return what was kept."""
        with self.database.reading() as connection:
            return list(connection.execute(select(bounce).order_by(bounce.c.id)))

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return our own events, with their data."""
        with self.database.reading() as connection:
            rows = connection.execute(select(event.c.type, event.c.payload).order_by(event.c.id))
            return [(kind, payload.get("data", {})) for kind, payload in rows]
