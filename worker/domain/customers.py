"""A customer: the shop's record of a person, the consent of the person's address, and facts kept up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from worker.domain.light import light
from worker.domain.wishes import NO_WISHES, Wishes


class ConsentState(StrEnum):
    """What is known of an address's consent to one purpose."""

    UNKNOWN = "unknown"  # never asked, or never told to us
    SUBSCRIBED = "subscribed"  # said yes
    UNSUBSCRIBED = "unsubscribed"  # said no, or took a yes back


class Purpose(StrEnum):
    """What consent is given for; each is given and withdrawn on its own."""

    MARKETING = "marketing"
    TRACKING = "tracking"


@dataclass(frozen=True, slots=True)
class Suppression:
    """A flow's word that no more marketing goes to an address, until they subscribe, click or buy.

    Parameters:
        journey: our number of the journey whose step said so. What it wrote before that still goes.
    """

    reason: str
    at: datetime
    journey: int


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent of one address by purpose, and whether the address is suppressed.

    Consent belongs to the address, not to the customer: two customers with one e-mail share it.
    """

    marketing: ConsentState = ConsentState.UNKNOWN
    tracking: ConsentState = ConsentState.UNKNOWN
    suppressed: str | None = None  # why nothing at all goes to this address, e.g. "hard bounce"
    marketing_suppressed: Suppression | None = None  # by a flow's step
    wishes: Wishes = NO_WISHES


@light
@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What follows from a customer's events, kept in the row in the same transaction; money in the shop's currency."""

    orders_count: int = 0
    total_spent: Decimal = Decimal(0)
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None
    last_opened_at: datetime | None = None
    last_clicked_at: datetime | None = None
    alive: float | None = None  # foretold: the chance (0 to 1) that they are still a customer
    predicted_next_order_at: datetime | None = None

    @property
    def average_order(self) -> Decimal | None:
        """Money per counted order, or None where there is none."""
        return self.total_spent / self.orders_count if self.orders_count else None


@light
@dataclass(frozen=True, slots=True)
class Customer:
    """One customer of the shop as the database knows them.

    Parameters:
        id: our own number of the row.
        external_id: the shop's id, or None for one known by e-mail only.
        email: normalised address (`worker.domain.addresses`), or None: no mail then.
        timezone: IANA name, or None: the shop's.
        language: `vi`, `en` …, or None: the shop's.
        address: street, district, city, province, country, postcode … as the shop sent them.
        fields: own fields, declared in `config/phin.yaml`.
        profile_at: time of the newest event whose profile was taken over; an older one fills gaps only.
        written: what steps of flows wrote: `fields`, names of own fields, each with when (ISO 8601); `tags`, a list;
            `language_over`, what the shop's record said when the customer chose another language.
    """

    id: int
    external_id: str | None = None
    email: str | None = None
    name: str | None = None
    first_name: str | None = None
    phone: str | None = None
    birthday: date | None = None
    language: str | None = None
    timezone: str | None = None
    address: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    profile_at: datetime | None = None
    written: Mapping[str, Any] = field(default_factory=dict)
    consent: Consent = Consent()
    facts: CustomerFacts = CustomerFacts()
    erased: bool = False
