"""Conditions for Hypothesis: trees of the language, most of them well typed, over odd texts, numbers and dates."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from worker.domain.conditions.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    In,
    Is,
    ListOf,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Or,
)
from worker.domain.rfm import RfmClass

EVENT_TYPES = ("purchase", "product.viewed", "quiz.done")
STEPS = ("hello", "invite")
FLOWS = ("welcome", "incident")
COUPONS = ("birthday", "sorry")

WORDS = [
    "", "a", "arabica", "Arabica", "robusta", "Hà Nội", "ha noi", "e\u0301", "é", "%", "_", "'", '"', "\\", "\n", "𝒳",
    "0", "true", "A1", "Z", "z", "ab", "🎁", "\uffff",
]  # fmt: skip
DATES = [
    "2027-03-01", "2027-02-28", "2027-02-29", "2028-02-29", "2100-02-29", "2000-02-29", "2027-3-1", "0999-01-01",
    "2027-02-22", "20270301", "2027-03-01 ", "\u0662027-03-01", "2027-03-01\n",
]  # fmt: skip
TIMES = [
    "2027-03-01T07:00:00Z", "2027-03-01T14:00:00+07:00", "2027-03-01T07:00Z", "2027-02-28T07:00:00.000001Z",
    "2027-03-01T24:00:00Z", "2027-03-01T07:00:00", "2027-03-01 07:00:00Z", "2027-02-28T17:00:00+14:59",
    "2027-03-01T07:00:00.1234567Z", "2027-03-01T07:00:00+15:00", "2028-02-29T10:30:00.000001-00:00",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(DATES),
    st.sampled_from(TIMES),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3),
)
whole = st.sampled_from([0, 1, 2, 3, 5, 7, -1, 10, 450_000, 10**15]) | st.integers(-100, 100)
broken = st.sampled_from([0.1, 0.2, 0.3, 0.5, 1.5, -2.5, 1e-15, 12.34]) | st.floats(-1e6, 1e6).filter(
    lambda value: value == 0 or abs(value) >= 1e-15
)


_CUSTOMER_NUMBERS = (
    "customer.orders_count", "customer.total_spent", "customer.average_order", "customer.points", "customer.alive",
)  # fmt: skip
_ORDER_NUMBERS = ("order.total", "order.refunded", "event.n")
_CUSTOMER_TEXTS = (
    "customer.id", "customer.name", "customer.timezone", "customer.tier", "customer.address.city", "customer.rfm",
)  # fmt: skip
_OTHER_TEXTS = (
    "order.number", "order.status", "order.coupon", "event.type", "event.word", "event.order_number", "journey.flow",
    "journey.request", "shop.name",
)  # fmt: skip
_CUSTOMER_TIMES = (
    "now", "customer.last_order_at", "customer.created_at", "customer.seen", "customer.predicted_next_order_at",
)  # fmt: skip
_OTHER_TIMES = ("order.placed_at", "event.at", "journey.entered_at", "event.when")
_CUSTOMER_DAYS = ("today", "customer.birthday", "customer.wedding")
_OTHER_DAYS = ("journey.day",)
_CUSTOMER_FLAGS = ("customer.consent", "customer.tracking", "customer.vip")
_CUSTOMER_LISTS = ("customer.tags", "customer.likes")
_OTHER_LISTS = ("order.categories", "order.skus", "event.things")
_CUSTOMER_ANY = ("customer.extra", "customer.extra.deep", "customer.gone", "customer.khách")
_OTHER_ANY = ("event.extra", "event.extra.deep", "event.gone")
_SPANS = st.sampled_from(["1 day", "7 days", "90 days", "30 hours", "1 month"])


def _names(*names: str) -> st.SearchStrategy[Node]:
    return st.sampled_from([Name(tuple(name.split("."))) for name in names])


def _call(function: str, *arguments: Node, **named: Node) -> Node:
    return Call(function, arguments, tuple(named.items()))


def _joined(kind: type[And] | type[Or], parts: list[Node]) -> Node:
    """Put parts side by side, as the parser does: `(a and b) and c` is `a and b and c`."""
    first, *rest = parts
    return kind((*first.operands, *rest) if isinstance(first, kind) else tuple(parts))


@st.composite
def _asked(draw: st.DrawFn, function: str, what: st.SearchStrategy[str], windows: st.SearchStrategy[str]) -> Node:
    named: dict[str, Node] = {}
    if draw(st.booleans()):
        named["within"] = Literal(draw(windows))
    if draw(st.booleans()):
        named["at_least"] = Literal(draw(st.integers(1, 3)))
    return _call(function, Literal(draw(what)), **named)


@cache
def conditions(*, segment: bool = False) -> st.SearchStrategy[Node]:
    """Return conditions, most of them well typed, some comparing what never compares.

    Parameters:
        segment: only what a segment may ask: of the customer alone.
    """
    other = not segment
    flags: list[st.SearchStrategy[Node]] = [
        _names(*_CUSTOMER_FLAGS),
        _asked("bought", st.sampled_from(["arabica", "AR-1", "Hà Nội"]), _SPANS),
        _asked("did", st.sampled_from(EVENT_TYPES), _SPANS | st.just("journey") if other else _SPANS),
        st.sampled_from(FLOWS).map(lambda flow: _call("in_flow", Literal(flow))),
        st.just(_call("open_request")),
        _names("customer.tier", "customer.likes", "customer.tags", "customer.extra").map(
            lambda one: _call("in_stock", one)
        ),
        st.sampled_from(WORDS).map(lambda word: _call("in_stock", Literal(word))),
        st.sampled_from(["one", "two", "gone"]).map(lambda name: _call("in_segment", Literal(name))),
    ]
    if other:
        flags.append(
            st.builds(lambda f, s: _call(f, Literal(s)), st.sampled_from(["sent", "opened", "clicked", "task_done"]),
                      st.sampled_from(STEPS))
        )  # fmt: skip
        flags.append(st.just(_call("ordered")))
        flags.append(_names(*_OTHER_LISTS, *_OTHER_ANY, "event.word").map(lambda one: _call("in_stock", one)))
        flags.append(st.sampled_from(COUPONS).map(lambda name: _call("redeemed", Literal(name))))
    classes = st.sampled_from(list(RfmClass)).map(lambda one: Literal(one.value))
    flags.append(st.builds(Compare, st.sampled_from(["==", "!="]), _names("customer.rfm"), classes))
    calls = st.one_of(flags)
    any_value = _names(*_CUSTOMER_ANY, *(_OTHER_ANY if other else ()))
    times = _names(*_CUSTOMER_TIMES, *(_OTHER_TIMES if other else ()))
    days = _names(*_CUSTOMER_DAYS, *(_OTHER_DAYS if other else ()))
    written_days = st.sampled_from(DATES + TIMES).map(Literal)
    text_values = _names(*_CUSTOMER_TEXTS, *(_OTHER_TEXTS if other else ())) | texts.map(Literal) | any_value
    since = st.builds(_call, st.sampled_from(["days_since", "days_until"]), times | days | any_value | written_days)
    plain_numbers = (
        _names(*_CUSTOMER_NUMBERS, *(_ORDER_NUMBERS if other else ()))
        | whole.map(Literal)
        | broken.map(Literal)
        | since
        | any_value
    )
    numbers = st.recursive(
        plain_numbers,
        lambda part: (
            st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "/", "//", "%"]), part, part)
            | st.builds(Negative, part.filter(lambda node: not isinstance(node, Literal)))
        ),
        max_leaves=4,
    )
    lists = _names(*_CUSTOMER_LISTS, *(_OTHER_LISTS if other else ())) | any_value
    values = numbers | text_values | times | days | written_days | calls | st.booleans().map(Literal)
    compare = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    moments = times | days | written_days | any_value
    leaves = st.one_of(
        st.builds(Compare, compare, numbers, numbers),
        st.builds(Compare, compare, text_values, text_values),
        st.builds(Compare, compare, moments, moments),
        st.builds(Compare, compare, calls | any_value, st.booleans().map(Literal)),
        st.builds(Compare, compare, values, values | st.just(Literal(None))),
        st.builds(In, text_values | any_value, lists | text_values, st.booleans()),
        st.builds(In, values, st.lists(values, max_size=3).map(lambda found: ListOf(tuple(found))), st.booleans()),
        st.builds(In, values | lists, values | lists, st.booleans()),
        st.builds(Is, values | lists, st.sampled_from(["defined", "none"]), st.booleans()),
        values | lists,
        calls,
    )
    return st.recursive(
        leaves,
        lambda part: (
            st.builds(Not, part)
            | st.lists(part, min_size=2, max_size=3).map(lambda found: _joined(And, found))
            | st.lists(part, min_size=2, max_size=3).map(lambda found: _joined(Or, found))
        ),
        max_leaves=5,
    )
