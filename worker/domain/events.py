"""What a shop may report: an event with its customer, its order and data of its own, as JSON.

These models say the shape and are the source of the OpenAPI document; `worker.domain.event_check` holds an item
against them and against the shop's settings.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from worker.domain.event_fields import (
    Address,
    Amount,
    Birthday,
    Currency,
    Email,
    Identifier,
    Language,
    Line,
    Moment,
    ShortLine,
    Tags,
    Timezone,
    Wording,
    fault,
)

MOST_LINES = 500  # lines of one order
MOST_PIECES = 1_000_000  # pieces in one line
_TYPE = re.compile(r"[a-z0-9._-]{1,100}")


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) > MOST_LINES:
            raise fault(f"must have at most {MOST_LINES} lines, and has {len(value):,}")
        return tuple(value)
    return value


def _event_type(value: Any) -> str:
    if not isinstance(value, str):
        raise fault("must be text")
    if not _TYPE.fullmatch(value):
        raise fault("must be 1 to 100 small letters, digits, '.', '_' and '-', like 'order.shipped'")
    return value


EventType = Annotated[
    str, BeforeValidator(_event_type), WithJsonSchema({"type": "string", "pattern": f"^{_TYPE.pattern}$"})
]


class Part(BaseModel):
    """A part of an event; unknown fields are refused, values never change, null says nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if isinstance(given, dict) and None in given.values():
            return {key: value for key, value in given.items() if value is not None}
        return given


class ConsentGiven(Part):
    """What the customer said yes or no to, and how the shop can prove it."""

    marketing: bool | None = Field(None, description="Advertising by e-mail")
    tracking: bool | None = Field(None, description="Being told of opens and clicks; a consent of its own")
    source: Line = Field(None, description="Where it was said: checkout, sign-up form …")
    wording: Wording = Field(None, description="The text that the customer agreed to")
    at: Moment | None = Field(None, description="When it was said; without it, the event's time")
    confirmed: bool | None = Field(None, description="That the address itself confirmed it; asked with double opt-in")


class CustomerGiven(Part):
    """Whom the event is about: known by `id`, by `email`, or by both; the shop's own declared fields stand beside."""

    model_config = ConfigDict(extra="allow")

    id: Identifier | None = Field(None, description="The shop's own id of the customer")
    email: Email = Field(None, description="Without it no mail can go out")
    name: Line = None
    first_name: Line = None
    phone: ShortLine = Field(None, description="As text, so that a leading zero is kept")
    birthday: Birthday = Field(None, description="A day, YYYY-MM-DD")
    language: Language = Field(None, description="Language that the customer reads; without it, the shop's")
    timezone: Timezone = Field(None, description="IANA time zone; without it, the shop's")
    address: Address = Field({}, description="Parts of the postal address: street, district, city, country, postcode …")
    tags: Tags = Field(None, description="All that the customer has now, in place of those known before")
    consent: ConsentGiven | None = None

    @model_validator(mode="after")
    def _known_by_something(self) -> Self:
        if self.id is None and self.email is None:
            raise fault("needs an id or an email, to be known by")
        return self


class LineGiven(Part):
    """One line of an order."""

    sku: Identifier
    name: Line = Field(None, description="Without it, the SKU")
    category: Line = None
    quantity: Annotated[int, Field(ge=1, le=MOST_PIECES)] = 1
    price: Amount | None = Field(None, description="Price of one piece in the order's currency")


class OrderGiven(Part):
    """The order that the event is about, as far as it tells."""

    number: Identifier = Field(description="The shop's order number")
    total: Amount | None = Field(None, description="What the customer pays; without it, the sum of the lines")
    currency: Currency = Field(None, description="ISO 4217; without it, the shop's")
    status: ShortLine = Field(None, description="placed, packing, shipped, delivered … or the shop's own word")
    coupon: ShortLine = Field(None, description="Code of the coupon that it was bought with")
    lines: Annotated[tuple[LineGiven, ...], BeforeValidator(_as_tuple)] = ()

    @model_validator(mode="after")
    def _sum_is_possible(self) -> Self:
        if self.total is None and any(line.price is None for line in self.lines):
            raise fault("needs a total, or a price in each of its lines")
        return self


class IncomingEvent(Part):
    """One event, as a shop sends it."""

    id: Identifier = Field(description="The shop's own id of the event; the same id twice is one event")
    type: EventType = Field(description="purchase, signup, order.shipped … or an event of the shop's own")
    time: Moment | None = Field(None, description="When it happened; without it, when it came in")
    history: bool = Field(False, description="True changes facts and starts nothing: for loading the past")
    customer: CustomerGiven
    order: OrderGiven | None = None
    data: dict[str, Any] = Field({}, description="Whatever else; `request` names the request that it belongs to")
