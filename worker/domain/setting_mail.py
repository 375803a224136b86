"""Settings of mail: how it is handed over and signed, what comes back, how hits, purchases and answers are counted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from worker.domain.attribution import CreditRules
from worker.domain.durations import parse_duration
from worker.domain.setting_forms import mail_domain, network, selector_label, server_url, span_of_time, web_host
from worker.domain.setting_groups import Group, Line
from worker.domain.setting_relays import Rates, RelaySetting, WarmUpSetting

MailDomain = Annotated[str, AfterValidator(mail_domain)]
Selector = Annotated[str, AfterValidator(selector_label)]
Network = Annotated[str, AfterValidator(network)]
Host = Annotated[str, AfterValidator(web_host)]
MAILBOXES = ("imap", "imaps", "imap+starttls")
Span = Annotated[str, AfterValidator(span_of_time)]


class Sending(Group):
    """How mail is handed over."""

    attempts: int = Field(8, ge=1, description="Tries before a message that fails for a while is given up")
    group_single: int = Field(10, ge=1, description="Messages marked as transmitting at a time, transactional")
    group_campaign: int = Field(100, ge=1, description="Messages marked as transmitting at a time, marketing")
    batch: int = Field(200, ge=1, description="Messages claimed at a time")
    lease: int = Field(120, ge=5, description="Seconds after which a silent sender's claims are taken back")
    timeout: int = Field(30, ge=1, description="Seconds that an SMTP server may take to answer")
    unknown_marketing: Literal["assume-sent", "retry", "ask"] = Field(
        "assume-sent", description="What becomes of a marketing mail whose handing over has no known outcome"
    )
    unknown_transactional: Literal["assume-sent", "retry", "ask"] = Field(
        "ask", description="The same for a transactional mail; `retry` waives the promise of no second copy"
    )
    rates: Rates = Field(
        default_factory=dict,
        description='Mails to a domain over all relays: `{gmail.com: 60/minute, "*": 600/minute}`, `*` being any other',
    )
    warm_up: WarmUpSetting | None = Field(None, description="How many mails a relay sends a day while it is new")
    relays: tuple[RelaySetting, ...] = Field((), description="Shares of several relays, by their names in smtp_url")


class Dkim(Group):
    """How mails are signed (RFC 6376, RFC 8463); the keys are secrets (`worker.edges.dkim_keys`)."""

    sign: bool = Field(
        False, description="Whether mails are signed here; publish the records that `phin dkim` prints before"
    )
    domain: MailDomain | None = Field(
        None, description="Domain that signs, the sender's or one above it; by default the sender's"
    )
    selector: Selector = Field("phin", description="Name of the RSA key's record: `phin._domainkey.DOMAIN`")
    selector_ed25519: Selector = Field("phin-ed25519", description="Name of the Ed25519 key's record")


class Bounces(Group):
    """How reports of mails that came back reach us, and what follows from them."""

    domain: MailDomain | None = Field(
        None,
        description="Domain at which reports are received: mails leave with the envelope sender `b+TOKEN@domain`; "
        "without one, with the sender's own address",
    )
    soft_limit: int = Field(5, ge=2, description="Soft bounces, with no open or click in between, that are too many")
    soft_days: int = Field(14, ge=1, description="Days that must lie between the first of them and the last")
    imap_url: str | None = Field(
        None,
        description="Mailbox that reports are read from: imaps://user:password@host/INBOX, or imap+starttls://…; "
        "give it by PHIN_BOUNCES_IMAP_URL, which keeps the password out of the file",
    )
    imap_every: int = Field(60, ge=5, description="Seconds between two looks into that mailbox")
    imap_within: int = Field(120, ge=5, description="Seconds that one look may take, whatever the server does")
    imap_done: Line | None = Field(
        None, description="Folder that mails go to once they are kept; without one they stay, marked as seen"
    )
    sns_topics: tuple[Line, ...] = Field(
        (), description="ARNs of the SNS topics by which Amazon SES tells of bounces; others are refused"
    )

    @field_validator("imap_url")
    @classmethod
    def _imap(cls, value: str | None) -> str | None:
        return value and server_url(value, MAILBOXES, "imaps://user:password@host/INBOX")


class UtmSettings(Group):
    """What links to the shop tell its own web statistics; a flow's `utm` says otherwise for its mails."""

    enabled: bool = Field(True, description="Whether links to the shop's website get UTM parameters")
    source: Line = Field("phin", description="`utm_source`")
    medium: Line = Field("email", description="`utm_medium`")
    campaign: Line = Field("", description="`utm_campaign`; without one, the flow's name")
    content: Line = Field("", description="`utm_content`; without one, the step's name")
    hosts: tuple[Host, ...] = Field((), description="Hosts beside the website's whose links get them too")


class Tracking(Group):
    """How hits are counted."""

    honeypot: bool = Field(True, description="Whether tracked mails hold a link that only machines see and follow")
    too_soon: int = Field(
        2, ge=0, le=60, description="Seconds after a mail was handed over within which a click is a scanner's"
    )
    trusted_proxies: tuple[Network, ...] = Field(
        ("127.0.0.1", "::1"),
        description="Addresses or networks of proxies before the web process whose X-Forwarded-For is believed",
    )
    journal: Literal["auto", "first", "fallback"] = Field(
        "auto",
        description="Whether opens and clicks are written to a file in var/spool first and committed a moment later, or"
        " only where the database does not take them at once; auto: first where the database is on this machine",
    )
    utm: UtmSettings = UtmSettings()


class Attribution(Group):
    """To which mail a purchase is credited: by a redeemed coupon, else the last click, else the last open."""

    click_within: Span = Field("7 days", description="How long before a purchase a person's click counts for it")
    open_within: Span = Field("1 day", description="How long before it a person's open does, where nothing was clicked")
    transactional: bool = Field(
        False, description="Whether mails that follow from an order or a request are credited too"
    )

    @property
    def rules(self) -> CreditRules:
        """The same as purchases are credited by."""
        click, opened = (parse_duration(one).span() for one in (self.click_within, self.open_within))
        return CreditRules(click, opened, self.transactional)
