"""Every name and function of the condition language, with its type and a line that tells what it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from worker.domain.conditions.valuetypes import ValueType

TEXT, NUMBER, BOOLEAN = ValueType.TEXT, ValueType.NUMBER, ValueType.BOOLEAN
DATE, TIME, LIST = ValueType.DATE, ValueType.TIME, ValueType.LIST


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name with its dots, such as `order.total`."""

    name: str
    type: ValueType
    about: str

    @property
    def path(self) -> tuple[str, ...]:
        """The name's parts."""
        return tuple(self.name.split("."))


class Takes(StrEnum):
    """What an argument of a function must be; all but a moment are written out, not computed."""

    MOMENT = "a date or a time"
    TEXT = "a text"
    ARTICLES = "a SKU or a list of them"
    SPAN = "a duration such as '90 days'"
    WINDOW = "a duration such as '90 days', or 'journey'"
    COUNT = "a whole number from 1"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function; a `named` one is given as `within="7 days"` and may be left out."""

    name: str
    takes: Takes
    named: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    Parameters:
        journey: whether it asks about the journey, and so cannot stand where there is none (a flow's `when`).
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: ValueType
    about: str
    example: str
    journey: bool = False


NAMES: dict[str, KnownName] = {
    known.name: known
    for known in (
        KnownName("customer.id", TEXT, "the shop's own id of the customer"),
        KnownName("customer.email", TEXT, "address, normalised"),
        KnownName("customer.name", TEXT, "full name"),
        KnownName("customer.first_name", TEXT, "the name to greet by"),
        KnownName("customer.phone", TEXT, "telephone, as the shop sent it"),
        KnownName("customer.birthday", DATE, "day of birth"),
        KnownName("customer.language", TEXT, "language code such as 'vi'; missing where the shop's is used"),
        KnownName("customer.timezone", TEXT, "IANA time zone; missing where the shop's is used"),
        KnownName("customer.created_at", TIME, "since when the customer is known; an import may tell of years ago"),
        KnownName("customer.tags", LIST, "the customer's tags"),
        KnownName("customer.consent", BOOLEAN, "whether the customer's address agreed to marketing"),
        KnownName("customer.tracking", BOOLEAN, "whether the customer's address agreed to tracking"),
        KnownName("customer.orders_count", NUMBER, "orders, without cancelled and refunded ones"),
        KnownName("customer.total_spent", NUMBER, "sum of those orders in the shop's currency"),
        KnownName("customer.average_order", NUMBER, "total_spent / orders_count; missing without an order"),
        KnownName("customer.first_order_at", TIME, "when the first of those orders was placed"),
        KnownName("customer.last_order_at", TIME, "when the last of those orders was placed"),
        KnownName("customer.last_opened_at", TIME, "when the customer last opened a mail"),
        KnownName("customer.last_clicked_at", TIME, "when the customer last clicked in a mail"),
        KnownName("customer.alive", NUMBER, "foretold: the chance, 0 to 1, that they are still a customer"),
        KnownName("customer.predicted_next_order_at", TIME, "foretold: by when they will have bought again"),
        KnownName("customer.rfm", TEXT, "class: champion, loyal, potential, new, at-risk, lapsed or none"),
        KnownName("order.number", TEXT, "the shop's order number"),
        KnownName("order.total", NUMBER, "what the order costs, in its currency"),
        KnownName("order.refunded", NUMBER, "what of it was given back"),
        KnownName("order.currency", TEXT, "ISO 4217 code such as 'VND'"),
        KnownName("order.status", TEXT, "placed, packing, shipped, delivered, incident, cancelled, refunded …"),
        KnownName("order.coupon", TEXT, "code of the coupon that it was bought with"),
        KnownName("order.placed_at", TIME, "when it was bought"),
        KnownName("order.categories", LIST, "categories of its lines"),
        KnownName("order.skus", LIST, "SKUs of its lines"),
        KnownName("event.type", TEXT, "type of the event that the trigger reported"),
        KnownName("event.at", TIME, "when it happened"),
        KnownName("event.order_number", TEXT, "number of the order that it is about"),
        KnownName("event.request", TEXT, "the support request that it is about"),
        KnownName("journey.flow", TEXT, "name of the flow"),
        KnownName("journey.entered_at", TIME, "when the journey began"),
        KnownName("journey.order_number", TEXT, "number of the order that it is about"),
        KnownName("journey.day", DATE, "the birthday or the day of the season that it is about"),
        KnownName("journey.request", TEXT, "the support request that it is about"),
        KnownName("shop.name", TEXT, "name of the shop"),
        KnownName("shop.language", TEXT, "language of customers whose own is not known"),
        KnownName("shop.timezone", TEXT, "IANA time zone of the shop"),
        KnownName("shop.currency", TEXT, "ISO 4217 code of the shop's currency"),
        KnownName("now", TIME, "this moment"),
        KnownName("today", DATE, "this day, in the customer's time zone"),
    )
}

# What shops usually send; an address may have other parts.
ADDRESS_PARTS = ("street", "ward", "district", "city", "province", "postcode", "country")

# What is known of a coupon of the journey, `coupons.NAME.code`; in texts and templates only.
COUPON_PARTS: dict[str, tuple[ValueType, str]] = {
    "code": (TEXT, "the code that the customer types or shows"),
    "percent": (NUMBER, "what it takes off, in percent; missing where it is none"),
    "amount": (NUMBER, "what it takes off, in the shop's currency; missing where it is none"),
    "expires_at": (TIME, "until when it is good; missing where it does not expire"),
}

_WITHIN = Parameter("within", Takes.SPAN, named=True)
_AT_LEAST = Parameter("at_least", Takes.COUNT, named=True)

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function(
            "days_since",
            (Parameter("moment", Takes.MOMENT),),
            NUMBER,
            "whole periods of 24 hours since a time; days of the calendar since a date",
            "days_since(customer.last_order_at) > 60",
        ),
        Function(
            "days_until",
            (Parameter("moment", Takes.MOMENT),),
            NUMBER,
            "whole periods of 24 hours until a time; days of the calendar until a date",
            'days_until("2027-03-08") <= 7',
        ),
        Function(
            "bought",
            (Parameter("what", Takes.TEXT), _WITHIN, _AT_LEAST),
            BOOLEAN,
            "whether orders hold this SKU or category, in at least so many of them",
            'bought("arabica", within="90 days", at_least=2)',
        ),
        Function(
            "did",
            (Parameter("event", Takes.TEXT), Parameter("within", Takes.WINDOW, named=True), _AT_LEAST),
            BOOLEAN,
            "whether events of this type happened, at least so many",
            'did("product.viewed", within="7 days", at_least=3)',
        ),
        Function(
            "sent",
            (Parameter("step", Takes.TEXT),),
            BOOLEAN,
            "whether the mail of this step was sent",
            'sent("welcome")',
            journey=True,
        ),
        Function(
            "opened",
            (Parameter("step", Takes.TEXT),),
            BOOLEAN,
            "whether the customer opened the mail of this step; false without consent to tracking",
            'opened("welcome")',
            journey=True,
        ),
        Function(
            "clicked",
            (Parameter("step", Takes.TEXT),),
            BOOLEAN,
            "whether the customer clicked in the mail of this step; false without consent to tracking",
            'clicked("review-invite")',
            journey=True,
        ),
        Function(
            "task_done",
            (Parameter("step", Takes.TEXT),),
            BOOLEAN,
            "whether the task of this step was done; one that was given up or not needed any more was not",
            'task_done("call")',
            journey=True,
        ),
        Function(
            "ordered",
            (),
            BOOLEAN,
            "whether an order was placed since the journey began, the one that began it not counted",
            "ordered()",
            journey=True,
        ),
        Function(
            "redeemed",
            (Parameter("coupon", Takes.TEXT),),
            BOOLEAN,
            "whether a coupon of the customer's was redeemed since the journey began, by another order than its own",
            'redeemed("birthday")',
            journey=True,
        ),
        Function(
            "in_flow",
            (Parameter("flow", Takes.TEXT),),
            BOOLEAN,
            "whether the customer is under way in this flow, with the same order where both have one",
            'in_flow("delivery-incident")',
        ),
        Function(
            "open_request",
            (),
            BOOLEAN,
            "whether the customer has a support request that is not closed yet",
            "open_request()",
        ),
        Function(
            "in_stock",
            (Parameter("what", Takes.ARTICLES),),
            BOOLEAN,
            "whether the shop has this article, or all of a list; one that it never told of is there",
            "in_stock(order.skus)",
        ),
        Function(
            "in_segment",
            (Parameter("segment", Takes.TEXT),),
            BOOLEAN,
            "whether the customer belongs to this segment now",
            'in_segment("loyal")',
        ),
    )
}
