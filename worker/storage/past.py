"""What is stored of a customer's past, as values: events, consent, hits, requests, journeys, mails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worker.domain.customers import ConsentState, Customer, Purpose, Suppression
from worker.domain.hits import HitKind


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event that was processed.

    Parameters:
        at: when it happened.
        known_at: when the house could act on it: as it came in; of what was loaded as history, as it happened.
        customer, order, data: what it told, as checked.
    """

    id: int
    type: str
    at: datetime
    known_at: datetime
    customer_id: int
    customer: Mapping[str, Any]
    order: Mapping[str, Any] | None
    order_number: str | None
    data: Mapping[str, Any]
    request: str | None


@dataclass(frozen=True, slots=True)
class PastConsent:
    """A change of an address's consent; `event` is 0 where no event told it."""

    known_at: datetime
    event: int
    purpose: Purpose
    state: ConsentState


@dataclass(frozen=True, slots=True)
class PastAddress:
    """An address: its consent today, every change of it, and since when it is suppressed.

    Parameters:
        stop: of marketing, by a flow's step, which stands today.
    """

    today: Mapping[Purpose, ConsentState]
    changes: tuple[PastConsent, ...] = ()
    suppressed: str | None = None
    suppressed_at: datetime | None = None
    stop: Suppression | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Something that began, and ended or has not: a request by its number, a journey by its flow and order."""

    name: str
    since: datetime
    until: datetime | None
    order_number: str | None = None

    def lasts(self, now: datetime) -> bool:
        """Say whether it had begun and not ended at a moment."""
        return self.since <= now and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class PastMail:
    """A mail that went out to the customer."""

    flow: str | None
    kind: str
    sent_at: datetime


@dataclass(slots=True)
class PastCustomer:
    """What is stored of one customer.

    Parameters:
        today: the record as it is now.
        events: the customer's own, and those of others that tell of an order that both were named with.
        addresses: by e-mail, of all that the customer ever had.
        hits: people's opens and clicks; `requests`, `journeys`, `mails`: where they were asked for.
    """

    today: Customer
    events: list[PastEvent] = field(default_factory=list)
    addresses: dict[str, PastAddress] = field(default_factory=dict)
    hits: list[tuple[datetime, HitKind]] = field(default_factory=list)
    requests: list[Span] = field(default_factory=list)
    journeys: list[Span] = field(default_factory=list)
    mails: list[PastMail] = field(default_factory=list)
