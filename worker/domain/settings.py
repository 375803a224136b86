"""The settings of a shop's Phin: `config/phin.yaml`, each overridden by an environment variable.

A setting's variable is its path in capitals with underscores: `port` is `PHIN_PORT`, `shop.name` is
`PHIN_SHOP_NAME`. Secrets are not settings: they never stand in the YAML (`worker.edges.secrets`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from worker.domain.conditions.valuetypes import FieldType as FieldType
from worker.domain.house_events import declaration_faults
from worker.domain.relays import written_urls
from worker.domain.setting_forms import listening_address, server_url
from worker.domain.setting_groups import Group, Intake, Limits, PageAddress, Pages, Queue, Rfm, Shop, Support, Webhooks
from worker.domain.setting_law import Policy, Retention, Topics
from worker.domain.setting_mail import Attribution, Bounces, Dkim, Sending, Tracking
from worker.domain.setting_surveys import Surveys

DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")
QUEUES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
RELAYS = ("smtp", "smtps", "smtp+starttls")


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
        description="smtp://user:password@host:587 (STARTTLS where offered), smtps://…, smtp+starttls://…; "
        "several as name=URL with spaces between",
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
    limits: Limits = Limits()
    queue: Queue = Queue()
    support: Support = Support()
    pages: Pages = Pages()
    webhooks: Webhooks = Webhooks()
    policy: Policy = Policy()
    retention: Retention = Retention()
    topics: Topics = Field(
        default_factory=dict, description="What marketing is about, as customers choose it; titles by language"
    )
    dkim: Dkim = Dkim()
    bounces: Bounces = Bounces()
    tracking: Tracking = Tracking()
    attribution: Attribution = Attribution()
    surveys: Surveys = Field(default_factory=dict, description="Questions that mails ask, by name; see docs/surveys.md")
    rfm: Rfm = Rfm()
    fields: dict[str, FieldType] = Field(
        default_factory=dict, description="The customers' own fields, with their types"
    )
    events: dict[str, dict[str, FieldType]] = Field(
        default_factory=dict, description="The shop's own events, with the types of their fields"
    )

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
        example = "smtp://user:password@host:587, or smtps:// for TLS"
        return value and " ".join(name + server_url(url, RELAYS, example) for name, url in written_urls(value))

    @property
    def url(self) -> str:
        """Address of the web process as customers see it, without a slash at the end."""
        return (self.base_url or f"http://127.0.0.1:{self.port}").rstrip("/")
