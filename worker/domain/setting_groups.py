"""Groups of settings: the shop and its sender, what is taken in, queue, support, scores, pages, webhooks."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from worker.domain.instants import known_zone
from worker.domain.rfm import RfmLimits
from worker.domain.setting_forms import one_line, page_address, sender_address

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


class Intake(Group):
    """What is taken in."""

    body_limit: int = Field(5_000_000, ge=1_000, description="Bytes of one request")
    batch_limit: int = Field(1_000, ge=1, description="Events in one request")
    requests_per_second: int = Field(
        3_000, ge=1, description="Requests of one key a second; beyond it the answer is 429"
    )
    starts_within: int = Field(86_400, ge=1, description="Seconds; an older event changes facts and starts no flow")
    ahead: int = Field(86_400, ge=0, description="Seconds that an event may lie in the future")
    person_keys: tuple[str, ...] = Field(
        (), description="Names of the ingest keys that may copy and erase customers too; docs/privacy.md"
    )


class Limits(Group):
    """How often one may ask, so that a flood harms nobody else; each web process counts for itself."""

    strangers_per_minute: int = Field(
        300,
        ge=1,
        description="Requests a minute of one address (IPv6: of one /64) that show no key, signature or link of ours",
    )
    link_per_minute: int = Field(
        120, ge=10, description="Requests a minute of the pages of one link; clicks and pixels are always answered"
    )


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


class Webhooks(Group):
    """What flows tell other systems."""

    timeout: int = Field(15, ge=1, le=60, description="Seconds that an answer may take")
    allow_private: bool = Field(
        False, description="Whether addresses of this machine and of private networks may be told too"
    )
