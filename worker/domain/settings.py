"""The settings of a shop's Phin: `config/phin.yaml`, each overridden by an environment variable.

A setting's variable is its path in capitals with underscores: `port` is `PHIN_PORT`, `shop.name` is
`PHIN_SHOP_NAME`. Secrets are not settings: they never stand in the YAML (`worker.edges.secrets`).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from worker.domain.conditions.valuetypes import FieldType as FieldType
from worker.domain.house_events import declaration_faults
from worker.domain.instants import known_zone
from worker.domain.pacing import Caps, QuietHours, parse_quiet_hours
from worker.domain.rfm import RfmLimits
from worker.domain.setting_forms import (
    listening_address,
    one_line,
    page_address,
    sender_address,
    server_url,
    span_of_hours,
)

DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")
QUEUES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
RELAYS = ("smtp", "smtps", "smtp+starttls")

Line = Annotated[str, AfterValidator(one_line)]
SenderAddress = Annotated[str, AfterValidator(sender_address)]
PageAddress = Annotated[str, AfterValidator(page_address)]


class Group(BaseModel):
    """A group of settings; unknown keys are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Sender(Group):
    """Who the mails come from."""

    name: Line = Field("Phin", description="Display name in From")
    email: SenderAddress = Field(
        "hello@localhost.localdomain", description="Address in From; its domain signs and receives"
    )
    reply_to: SenderAddress | None = Field(None, description="Address that answers go to, where it is another one")


class Shop(Group):
    """The shop, as its customers know it."""

    name: Line = Field("Phin", description="The shop's name")
    address: str = Field("", description="Postal address, shown at the end of each mail")
    phone: Line = Field("", description="Telephone, shown at the end of each mail")
    website: PageAddress = Field("http://127.0.0.1:8787", description="Address of the shop's front page")
    languages: tuple[str, ...] = Field(("vi", "en"), description="Languages that every text should exist in")
    language: str = Field(
        "vi", validate_default=True, description="Language of customers whose language is not known; one of `languages`"
    )
    timezone: str = Field("Asia/Ho_Chi_Minh", description="IANA time zone of the shop")
    currency: str = Field("VND", pattern="^[A-Z]{3}$", description="ISO 4217 code")
    sender: Sender = Sender()

    @field_validator("language")
    @classmethod
    def _language(cls, value: str, info: ValidationInfo) -> str:
        languages = info.data.get("languages")  # not there where it is wrong itself
        if languages is not None and value not in languages:
            raise ValueError(
                f"it is none of the languages ({', '.join(languages)}); add it there, or write one of them"
            )
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if not known_zone(value):
            raise ValueError(f"'{value}' is no IANA time zone; write one like 'Asia/Ho_Chi_Minh'")
        return value


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


class Intake(Group):
    """What is taken in."""

    body_limit: int = Field(5_000_000, ge=1_000, description="Bytes of one request")
    batch_limit: int = Field(1_000, ge=1, description="Events in one request")
    requests_per_second: int = Field(500, ge=1, description="Requests of one key a second; beyond it the answer is 429")
    starts_within: int = Field(86_400, ge=1, description="Seconds; an older event changes facts and starts no flow")
    ahead: int = Field(86_400, ge=0, description="Seconds that an event may lie in the future")


class Support(Group):
    """Customers who ask for help."""

    solve_within: int = Field(48, ge=1, description="Hours in which a support request should be solved, nights counted")


class Queue(Group):
    """The embedded queue server and its consumers."""

    threads: int = Field(4, ge=1, description="Threads of one worker process")
    processes: int = Field(2, ge=1, description="Worker processes that `phin up` starts")


def _four_ascending(value: tuple[float, ...]) -> tuple[float, ...]:
    if len(value) != 4 or value[0] < 0 or any(one >= other for one, other in pairwise(value)):
        raise ValueError("four numbers are needed, each larger than the one before, such as [30, 60, 90, 120]")
    return value


_USUAL = RfmLimits()
FourLimits = Annotated[tuple[float, ...], AfterValidator(_four_ascending)]


class Rfm(Group):
    """Where the scores of RFM end and begin (`docs/segments.md`)."""

    recency: FourLimits = Field(_USUAL.recency, description="Days since the last order, at most: scores 5, 4, 3, 2")
    frequency: FourLimits = Field(_USUAL.frequency, description="Orders, at least: scores 2, 3, 4, 5")
    monetary: FourLimits = Field(
        _USUAL.monetary, description="Average order in the shop's currency, at least: scores 2, 3, 4, 5"
    )

    @property
    def limits(self) -> RfmLimits:
        """The same as `customer.rfm` is read with."""
        return RfmLimits(self.recency, self.frequency, self.monetary)


class Pages(Group):
    """The pages of the staff."""

    link_days: int = Field(7, ge=1, le=365, description="Days for which a link that signs in can be used")
    session_days: int = Field(30, ge=1, le=365, description="Days that a browser stays signed in")


class Policy(Group):
    """At what pace advertising goes out; mails that follow from an order or a request are exempt."""

    quiet_hours: Annotated[str, AfterValidator(span_of_hours)] = Field(
        "", description="Hours of the customer's clock in which no advertising is sent: `22:00-07:00`; empty: none"
    )
    per_day: int | None = Field(
        None, ge=1, description="Advertising mails that an address gets in 24 hours at most, over all flows"
    )
    per_week: int | None = Field(None, ge=1, description="The same in 7 days")

    @property
    def quiet(self) -> QuietHours | None:
        """The quiet hours, or None where there are none."""
        return parse_quiet_hours(self.quiet_hours) if self.quiet_hours else None

    @property
    def caps(self) -> Caps:
        """The caps."""
        return Caps(self.per_day, self.per_week)


class Webhooks(Group):
    """What flows tell other systems."""

    timeout: int = Field(15, ge=1, le=60, description="Seconds that an answer may take")
    allow_private: bool = Field(
        False, description="Whether addresses of this machine and of private networks may be told too"
    )


class Settings(Group):
    """All settings of `config/phin.yaml`."""

    port: int = Field(8787, ge=0, le=65535, description="Port of the web process")
    bind: Annotated[str, AfterValidator(listening_address)] = Field(
        "127.0.0.1", description="Address that the web process listens on"
    )
    var: Path = Field(Path("var"), description="Folder for the database, the queue, the outbox, made secrets")
    base_url: PageAddress | None = Field(None, description="Address under which customers reach tracking links")
    database_url: str | None = Field(None, description="SQLAlchemy URL; without one, SQLite under var")
    redis_url: str | None = Field(None, description="Redis or Valkey; without one, an embedded server under var")
    smtp_url: str | None = Field(
        None,
        description="smtp://user:password@host:587 (STARTTLS where offered), smtps://…, smtp+starttls://…",
    )
    outbox_access: Literal["local", "everyone"] = Field(
        "local", description="Who may read captured mails at /outbox, without logging in: this machine, or everyone"
    )
    flows: Path = Field(Path("flows"), description="Folder of the flows")
    templates: Path = Field(Path("templates"), description="Folder of the templates")
    log: Literal["auto", "json", "console"] = Field("auto", description="Form of the log lines")
    shop: Shop = Shop()
    sending: Sending = Sending()
    intake: Intake = Intake()
    queue: Queue = Queue()
    support: Support = Support()
    pages: Pages = Pages()
    webhooks: Webhooks = Webhooks()
    policy: Policy = Policy()
    rfm: Rfm = Rfm()
    fields: Annotated[dict[str, FieldType], Field(description="The customers' own fields, with their types")] = {}
    events: Annotated[
        dict[str, dict[str, FieldType]],
        Field(description="The shop's own events, with the types of their fields"),
    ] = {}

    @field_validator("events")
    @classmethod
    def _events(cls, value: dict[str, dict[str, FieldType]]) -> dict[str, dict[str, FieldType]]:
        faults = [
            InitErrorDetails(type=PydanticCustomError("taken_name", "{error}", {"error": said}), loc=at, input=at[-1])
            for at, said in (((event, field), said) for event, field, said in declaration_faults(value))
        ]
        if faults:
            raise ValidationError.from_exception_data("events", faults)
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str | None) -> str | None:
        return value and server_url(value, DATABASES, "sqlite:///var/phin.db or postgresql://user:password@host/name")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        return value and server_url(value, QUEUES, "redis://host:6379/0, or rediss:// for TLS")

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: str | None) -> str | None:
        return value and server_url(value, RELAYS, "smtp://user:password@host:587, or smtps:// for TLS")

    @property
    def url(self) -> str:
        """Address of the web process as customers see it, without a slash at the end."""
        return (self.base_url or f"http://127.0.0.1:{self.port}").rstrip("/")
