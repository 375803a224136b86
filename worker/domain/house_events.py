"""The house's events: what every shop may report, with the fields of their `data`; told in `docs/events.md`.

An event of any type may carry an order; those marked here are the ones that usually do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from worker.domain.conditions.valuetypes import FieldType, ValueType, declared

TEXT, NUMBER, LIST = ValueType.TEXT, ValueType.NUMBER, ValueType.LIST


@dataclass(frozen=True, slots=True)
class EventField:
    """A field of an event's `data`, read as `event.NAME`."""

    name: str
    type: ValueType
    about: str


@dataclass(frozen=True, slots=True)
class HouseEvent:
    """A type of event that the house knows.

    Parameters:
        order: whether it usually tells of an order, which is then `order.*`.
    """

    name: str
    about: str
    fields: tuple[EventField, ...] = ()
    order: bool = False


_CART = (
    EventField("total", NUMBER, "value of the cart in the shop's currency"),
    EventField("items", NUMBER, "pieces in the cart"),
    EventField("skus", LIST, "SKUs in the cart"),
    EventField("categories", LIST, "categories in the cart"),
    EventField("lines", LIST, "what lies in it, each with name, sku, quantity, price as an order's lines; for mails"),
    EventField("url", TEXT, "address that brings the cart back"),
)
_MAIL = (
    EventField("flow", TEXT, "name of the flow whose mail it was"),
    EventField("step", TEXT, "name of the step that sent it"),
)
_REASON = EventField("reason", TEXT, "why, in the shop's words")
_SUBJECT = EventField("subject", TEXT, "what it is about")
_CHANNEL = EventField("channel", TEXT, "where it was made: web, app, shop, phone …")

HOUSE_EVENTS: dict[str, HouseEvent] = {
    event.name: event
    for event in (
        HouseEvent("signup", "a person made an account", (EventField("source", TEXT, "where the person came from"),)),
        HouseEvent(
            "subscribed",
            "a person agreed to marketing",
            (EventField("source", TEXT, "where it was said: checkout, sign-up form …"),),
        ),
        HouseEvent(
            "subscription.requested",
            "a person agreed to marketing, and is asked to confirm it (double opt-in); Phin reports it itself",
            (EventField("source", TEXT, "where it was said: checkout, sign-up form …"),),
        ),
        HouseEvent("unsubscribed", "a person wants no more marketing", (_REASON,)),
        HouseEvent("purchase", "an order was placed", (_CHANNEL,), order=True),
        HouseEvent("order.packing", "an order is being packed", order=True),
        HouseEvent(
            "order.shipped",
            "an order left the house",
            (
                EventField("carrier", TEXT, "who carries it"),
                EventField("tracking_number", TEXT, "the carrier's number"),
                EventField("tracking_url", TEXT, "where its way can be followed"),
            ),
            order=True,
        ),
        HouseEvent("order.delivered", "an order arrived", order=True),
        HouseEvent("order.incident", "something went wrong on the way", (_REASON,), order=True),
        HouseEvent("order.cancelled", "an order was called off", (_REASON,), order=True),
        HouseEvent(
            "refund",
            "money was given back",
            (EventField("amount", NUMBER, "how much, in the order's currency; without it, all"), _REASON),
            order=True,
        ),
        HouseEvent("cart.updated", "the cart changed", _CART),
        HouseEvent("checkout.started", "the customer began to pay", _CART),
        HouseEvent(
            "product.viewed",
            "the customer looked at a product",
            (
                EventField("sku", TEXT, "its SKU"),
                EventField("name", TEXT, "its name"),
                EventField("category", TEXT, "its category"),
                EventField("price", NUMBER, "its price in the shop's currency"),
                EventField("url", TEXT, "its page"),
            ),
        ),
        HouseEvent(
            "support.requested",
            "the customer asked for help",
            (_SUBJECT, _CHANNEL, EventField("priority", TEXT, "how much it matters: low, normal, high or urgent")),
            order=True,
        ),
        HouseEvent(
            "support.closed",
            "a request was answered for good",
            (_SUBJECT, EventField("outcome", TEXT, "how it ended, in the shop's words")),
            order=True,
        ),
        HouseEvent(
            "survey.answered",
            "the customer answered a survey",
            (
                EventField("survey", TEXT, "name of the survey"),
                EventField("score", NUMBER, "the mark that was given"),
                EventField("comment", TEXT, "what was written"),
            ),
            order=True,
        ),
        HouseEvent(
            "coupon.redeemed",
            "a coupon was used",
            (
                EventField("coupon", TEXT, "name of the coupon"),
                EventField("code", TEXT, "the code itself"),
                EventField("amount", NUMBER, "what it took off, in the order's currency"),
            ),
            order=True,
        ),
        HouseEvent(
            "task.closed",
            "staff closed a task",
            (
                EventField("task", TEXT, "the task's step name"),
                EventField("outcome", TEXT, "what came of it"),
                EventField("by", TEXT, "who closed it"),
            ),
            order=True,
        ),
        HouseEvent(
            "mail.bounced",
            "a mail came back, or was refused for good",
            (
                EventField("kind", TEXT, "hard: there is no such mailbox; soft: it may pass; policy: our own fault"),
                EventField("reason", TEXT, "why, as the report tells: no such mailbox, mailbox full …"),
                EventField("status", TEXT, "the enhanced code, such as 5.1.1"),
                *_MAIL,
            ),
        ),
        HouseEvent("mail.complained", "a receiver called a mail spam", _MAIL),
    )
}

EVENT_ITSELF = {
    "type": "the type of the event itself",
    "at": "the moment of the event itself",
    "order_number": "the number of the event's order",
    "request": "the request that the event belongs to",
}
"""What `event.NAME` is for every event, so that no field of its data can be called so."""


def declaration_faults(events: Mapping[str, Mapping[str, FieldType]]) -> Iterator[tuple[str, str, str]]:
    """Yield the event, the field and what is wrong, for each declared field that would not be what it says."""
    for event, fields in events.items():
        house = HOUSE_EVENTS.get(event)
        known = {field.name: field for field in house.fields} if house else {}
        for name, kind in fields.items():
            if name in EVENT_ITSELF:
                hint = "such as 'starts_at'" if name == "at" else f"such as 'own_{name}'"
                yield event, name, f"'event.{name}' is {EVENT_ITSELF[name]}; call this field otherwise, {hint}"
            elif name in known and known[name].type is not declared(kind):
                described = known[name].type.described
                yield event, name, f"'{name}' of '{event}' is {described} already; call this field otherwise"
