"""Settings of mail: how it is handed over and signed, what comes back, how hits, purchases and answers are counted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from worker.domain.setting_forms import mail_domain
from worker.domain.setting_groups import Group

MailDomain = Annotated[str, AfterValidator(mail_domain)]


class Sending(Group):
    """How mail is handed over."""

    attempts: int = Field(8, ge=1, description="Tries before a message that fails for a while is given up")
    group_single: int = Field(10, ge=1, description="Messages marked as transmitting at a time, transactional")
    group_campaign: int = Field(50, ge=1, description="Messages marked as transmitting at a time, marketing")
    batch: int = Field(100, ge=1, description="Messages claimed at a time")
    lease: int = Field(120, ge=5, description="Seconds after which a silent sender's claims are taken back")
    timeout: int = Field(30, ge=1, description="Seconds that an SMTP server may take to answer")
    unknown_marketing: Literal["assume-sent", "retry", "ask"] = Field(
        "assume-sent", description="What becomes of a marketing mail whose handing over has no known outcome"
    )
    unknown_transactional: Literal["assume-sent", "retry", "ask"] = Field(
        "ask", description="The same for a transactional mail; `retry` waives the promise of no second copy"
    )


class Dkim(Group):
    """How mails are signed."""


class Bounces(Group):
    """How reports of mails that came back reach us, and what follows from them."""

    domain: MailDomain | None = Field(
        None,
        description="Domain at which reports are received: mails leave with the envelope sender `b+TOKEN@domain`; "
        "without one, with the sender's own address",
    )


class Tracking(Group):
    """How hits are counted."""


class Attribution(Group):
    """To which mail a purchase is credited."""
