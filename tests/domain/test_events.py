"""An incoming event: what passes is kept in one form, what does not is told field by field."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.event_check import CheckedEvent, EventRules, Fault, check_event, item_id
from worker.domain.event_data import DOUBLED
from worker.domain.settings import Settings

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
RULES = EventRules.of(
    Settings(
        fields={"taste": "text", "points": "number", "member": "boolean", "anniversary": "date", "seen": "time"},
        events={"survey.answered": {"score": "number"}},
    )
)
PURCHASE: dict[str, Any] = {
    "id": "e1",
    "type": "purchase",
    "time": "2027-03-01T14:00:00+07:00",
    "customer": {"id": "c1", "email": "Lan@Example.com", "name": "Nguyễn Thị Lan", "birthday": "1990-12-31"},
    "order": {
        "number": "A1",
        "total": 450_000,
        "lines": [{"sku": "AR-250", "category": "arabica", "quantity": 2, "price": 225_000}],
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the purchase with one value set, `order.lines.0.price`."""
    item = deepcopy(PURCHASE)
    place: Any = item
    *before, last = path.split(".")
    for part in before:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    place[last] = value
    return item


def check(item: Any) -> CheckedEvent:
    checked = check_event(item, RULES, NOW)
    assert isinstance(checked, CheckedEvent), checked
    return checked


def faults(item: Any) -> dict[str, str]:
    checked = check_event(item, RULES, NOW)
    assert not isinstance(checked, CheckedEvent), "it was accepted"
    assert len({fault.field for fault in checked}) == len(checked), "a field is told twice"
    return {fault.field: fault.error for fault in checked}


def test_a_purchase_passes_in_one_form() -> None:
    """Given a purchase as a shop writes it, then it is kept normalised, with amounts as exact texts."""
    event = check(PURCHASE)
    assert (event.id, event.type, event.time) == ("e1", "purchase", NOW)
    assert (event.customer_key, event.email_key, event.order_number) == ("id:c1", "email:lan@example.com", "A1")
    assert event.payload == {
        "customer": {
            "id": "c1",
            "email": "lan@example.com",
            "name": "Nguyễn Thị Lan",
            "birthday": "1990-12-31",
        },
        "order": {
            "number": "A1",
            "total": "450000",
            "lines": [{"sku": "AR-250", "category": "arabica", "quantity": 2, "price": "225000"}],
        },
    }


def test_an_event_without_a_time_happened_now() -> None:
    """Given no time, then it is the moment of arrival, and a repetition a second later has the same content."""
    item = {key: value for key, value in PURCHASE.items() if key != "time"}
    later = check_event(item, RULES, NOW + timedelta(seconds=1))
    assert isinstance(later, CheckedEvent)
    assert check(item).time == NOW
    assert check(item).content_hash == later.content_hash


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("time", "2027-03-01T07:00:00Z"),
        ("time", "2027-03-01 14:00+07:00"),
        ("customer.email", " lan@EXAMPLE.com "),
        ("order.total", "450000.00"),
        ("order.total", 450_000.0),
        ("order.coupon", None),
        ("history", False),
        ("data", {}),
    ],
)
def test_the_same_content_written_otherwise_is_the_same(path: str, value: Any) -> None:
    """Given the same content in another notation, then its hash is the same."""
    assert check(changed(path, value)).content_hash == check(PURCHASE).content_hash


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("order.total", 450_001),
        ("type", "signup"),
        ("history", True),
        ("customer.name", "Lan"),
        ("customer.name", None),
        ("customer.taste", "dark"),
        ("data", {"a": 1}),
        ("time", "2027-03-01T14:00:01+07:00"),
    ],
)
def test_other_content_is_told_apart(path: str, value: Any) -> None:
    """Given other content, then its hash is another one."""
    assert check(changed(path, value)).content_hash != check(PURCHASE).content_hash


def test_the_order_of_keys_means_nothing() -> None:
    """Given the keys in another order, then the content is the same."""
    turned = {key: PURCHASE[key] for key in reversed(PURCHASE)}
    assert check(turned).content_hash == check(PURCHASE).content_hash


@pytest.mark.parametrize(
    ("path", "value", "field", "words"),
    [
        ("custmer", {}, "custmer", "did you mean 'customer'?"),
        ("order.totl", 1, "order.totl", "did you mean 'total'?"),
        ("order.lines.0.qty", 1, "order.lines[0].qty", "sku, name, category, quantity, price"),
        ("customer.consent.marketin", True, "customer.consent.marketin", "did you mean 'marketing'?"),
        ("customer.tast", "dark", "customer.tast", "did you mean 'taste'?"),
        ("customer.shoe_size", 38, "customer.shoe_size", "declare it under 'fields' in config/phin.yaml"),
        ("customer.points", "5", "customer.points", "must be a number"),
        ("customer.member", "yes", "customer.member", "must be true or false"),
        ("customer.anniversary", "2027-02-29", "customer.anniversary", "the calendar does not have"),
        ("customer.seen", "2027-02-28T10:00", "customer.seen", "no offset"),
        ("id", "", "id", "must not be empty"),
        ("id", "x" * 201, "id", "at most 200 characters"),
        ("id", True, "id", "must be text or a whole number"),
        ("id", None, "id", "is needed"),
        ("type", "Purchase", "type", "small letters"),
        ("type", "x" * 101, "type", "1 to 100"),
        ("time", "2027-03-01T14:00:00", "time", "has no offset"),
        ("time", "yesterday", "time", "ISO 8601"),
        ("time", "9999-12-31T23:59:59-14:00", "time", "ISO 8601"),
        ("time", "2027-03-03T14:00:00+07:00", "time", "at most 1 day after now"),
        ("time", "1969-12-31T23:59:59Z", "time", "before 1970"),
        ("time", 1_800_000_000, "time", "as text"),
        ("history", "yes", "history", "must be true or false"),
        ("customer.email", "lan", "customer.email", "@"),
        ("customer.email", "lan@example.com\r\nBcc: x@y.vn", "customer.email", "line break"),
        ("customer.name", "Lan\r\nBcc: x@y.vn", "customer.name", "line break"),
        ("customer.name", "Lan\x00", "customer.name", "U+0000"),
        ("customer.name", "Lan\ud800", "customer.name", "U+D800"),
        ("customer.name", "L" * 201, "customer.name", "at most 200"),
        ("customer.first_name", ["Lan"], "customer.first_name", "must be text"),
        ("customer.phone", 912345678, "customer.phone", "in quotes"),
        ("customer.birthday", "1990-02-30", "customer.birthday", "the calendar does not have"),
        ("customer.birthday", "1990-12-31T00:00:00Z", "customer.birthday", "like '1990-12-31'"),
        ("customer.birthday", "2030-01-01", "customer.birthday", "in the future"),
        ("customer.birthday", "1890-01-01", "customer.birthday", "before 1900"),
        ("customer.language", "Vietnamese", "customer.language", "like 'vi'"),
        ("customer.timezone", "Asia/Saigonn", "customer.timezone", "IANA"),
        ("customer.address", "12 Hàng Bài", "customer.address", "an object"),
        ("customer.address", {"city": "Hà\nNội"}, "customer.address", "'city'"),
        ("customer.tags", "vip", "customer.tags", "a list of texts"),
        ("customer.tags", ["vip", 7], "customer.tags", "(number 2) that must be text"),
        ("customer.tags", ["x" * 51], "customer.tags", "at most 50 characters"),
        ("customer.tags", ["a\nb"], "customer.tags", "line break"),
        ("customer.tags", [str(number) for number in range(51)], "customer.tags", "at most 50 tags"),
        ("customer.consent", {"marketing": 1}, "customer.consent.marketing", "true or false"),
        ("customer.consent", {"at": "2030-01-01T00:00:00Z"}, "customer.consent.at", "in the future"),
        ("customer", {"name": "Lan"}, "customer", "an id or an email"),
        ("customer", None, "customer", "is needed"),
        ("customer", "c1", "customer", "must be an object"),
        ("order", None, "order", "is needed"),
        ("order.number", None, "order.number", "is needed"),
        ("order.total", -1, "order.total", "negative"),
        ("order.total", "450_000", "order.total", "digits and a point"),
        ("order.total", "1e5", "order.total", "digits and a point"),
        ("order.total", 0.12345, "order.total", "four decimals"),
        ("order.total", float("nan"), "order.total", "finite"),
        ("order.total", float("inf"), "order.total", "finite"),
        ("order.total", 10**300, "order.total", "less than"),
        ("order.total", True, "order.total", "a number"),
        ("order.total", [1], "order.total", "a number"),
        ("order.currency", "đồng", "order.currency", "three letters"),
        ("order.lines", {}, "order.lines", "must be a list"),
        ("order.lines", [1], "order.lines[0]", "must be an object"),
        ("order.lines", [{"sku": "a", "price": 1}] * 501, "order.lines", "at most 500"),
        ("order.lines.0.quantity", 0, "order.lines[0].quantity", "at least 1"),
        ("order.lines.0.quantity", 1.5, "order.lines[0].quantity", "whole number"),
        ("order.lines.0.quantity", "2", "order.lines[0].quantity", "whole number"),
        ("order.lines.0.price", "free", "order.lines[0].price", "digits"),
        ("order", {"number": "A1", "lines": [{"sku": "a"}]}, "order", "a total, or a price"),
        ("data", [1], "data", "must be an object"),
        ("data", {"a": {"b": ["x\x00"]}}, "data.a.b[0]", "NUL"),
        ("data", {"a": float("inf")}, "data.a", "finite"),
        ("data", {"a": 10**40}, "data.a", "30 digits"),
        ("data", {"a": "x" * 20_001}, "data.a", "at most 20,000"),
        ("data", {"a": [0] * 2_001}, "data", "at most 2,000"),
        ("data", {"a\nb": 1}, "data", "names of one line"),
        ("data", {"request": {"id": 1}}, "data.request", "must be text"),
        ("data", {"a": {DOUBLED: "b"}}, "data.a", "has 'b' twice"),
        ("order", {"number": "A1", DOUBLED: "number"}, "order", "has 'number' twice"),
        ("customer", {"id": "c1", DOUBLED: "id"}, "customer", "has 'id' twice"),
        (DOUBLED, "id", "", "has 'id' twice"),
    ],
)
def test_a_fault_names_its_field_and_says_what_is_wrong(path: str, value: Any, field: str, words: str) -> None:
    """Given one wrong value, then exactly its field is told, with a sentence that helps."""
    found = faults(changed(path, value))
    assert list(found) == [field]
    assert words in found[field]


def test_every_faulty_field_is_told_at_once() -> None:
    """Given three faults, then each has its entry, so that a shop mends them in one go."""
    item = changed("customer.birthday", "1990-02-30")
    item["order"]["total"] = -1
    item["customer"]["shoe_size"] = 38
    assert set(faults(item)) == {"customer.birthday", "order.total", "customer.shoe_size"}


@pytest.mark.parametrize("item", [None, 5, "text", ["a"], True])
def test_what_is_no_object_is_told(item: Any) -> None:
    """Given an item that is no object, then it is refused as a whole."""
    assert check_event(item, RULES, NOW) == (Fault("", "must be an object"),)
    assert item_id(item) is None


def test_numbers_serve_as_identifiers() -> None:
    """Given whole numbers for ids, as many shops have them, then they are the same as their text."""
    item = changed("id", 17)
    item["customer"]["id"], item["order"]["number"] = 42, 1001
    event = check(item)
    assert (event.id, event.customer_key, event.order_number) == ("17", "id:42", "1001")
    assert event.content_hash == check({**item, "id": "17"}).content_hash


def test_own_fields_are_kept_by_their_types() -> None:
    """Given declared fields, then they are kept under `fields`, dates and times in one form, null takes away."""
    item = deepcopy(PURCHASE)
    item["customer"] |= {"taste": " dark ", "points": 3, "member": True, "seen": "2027-02-28T10:00:00+07:00"}
    item["customer"] |= {"anniversary": None, "phone": None, "first_name": ""}
    assert check(item).payload["customer"] == {
        "id": "c1",
        "email": "lan@example.com",
        "name": "Nguyễn Thị Lan",
        "birthday": "1990-12-31",
        "phone": None,
        "fields": {
            "taste": "dark",
            "points": 3,
            "member": True,
            "seen": "2027-02-28T03:00:00Z",
            "anniversary": None,
        },
    }


def test_tags_are_kept_as_a_list_without_repetitions() -> None:
    """Given tags, then each is kept once; none and null say that there are none now, and left out says nothing."""
    kept = {
        name: check(changed("customer.tags", value)).payload["customer"]["tags"]
        for name, value in {"some": ["vip", " Hội cà phê ", "", "vip"], "none": [], "null": None}.items()
    }
    assert kept == {"some": ["vip", "Hội cà phê"], "none": [], "null": None}
    assert "tags" not in check(PURCHASE).payload["customer"]


def test_what_a_customer_may_be_known_by() -> None:
    """Given an id alone or an address alone, then each is enough."""
    assert check(changed("customer", {"id": "c1"})).email_key is None
    assert check(changed("customer", {"email": "lan@example.com"})).customer_key is None


def test_small_noise_of_binary_fractions_is_no_money() -> None:
    """Given a sum that a computer made of fractions, then it is the amount that was meant."""
    assert check(changed("order.total", 0.1 + 0.2)).payload["order"]["total"] == "0.3"


def test_data_of_a_declared_event_has_its_types() -> None:
    """Given an event declared with a number, then a text in its place is refused."""
    item = {"id": "s1", "type": "survey.answered", "customer": {"id": "c1"}, "data": {"score": "nine"}}
    assert list(faults(item)) == ["data.score"]
    assert check({**item, "data": {"score": 9, "text": "Ngon\nlắm"}}).payload["data"] == {
        "score": 9,
        "text": "Ngon\nlắm",
    }


@pytest.mark.parametrize("amount", ["450000", -1, True])
def test_an_amount_that_would_be_misread_is_refused(amount: Any) -> None:
    """Given a refund whose amount is no number, then it is refused, and not taken for a refund of everything."""
    refund = {"id": "r1", "type": "refund", "customer": {"id": "c1"}, "order": {"number": "A1"}}
    assert list(faults({**refund, "data": {"amount": amount}})) == ["data.amount"]
    assert check({**refund, "data": {"amount": 10_000}}).payload["data"] == {"amount": 10_000}


def test_data_is_kept_as_it_was_sent() -> None:
    """Given free data with nulls and lists, then nothing of it is lost; `request` is taken out as well."""
    data = {"request": 15, "a": None, "b": [1, 2.5, {"c": "đ"}]}
    event = check(changed("data", data))
    assert event.payload["data"] == data
    assert event.request == "15"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["id", "type", "time", "history", "customer", "order", "data", "email", "number", "lines", "total", "name", DOUBLED]
)


@given(st.dictionaries(NAMES | st.text(max_size=5), JSON | st.dictionaries(NAMES, JSON, max_size=4), max_size=8))
def test_no_json_breaks_the_check(item: dict[str, Any]) -> None:
    """Given any JSON, then the answer is an event or a list of faults that can be told, never an exception."""
    checked = check_event(item, RULES, NOW)
    if isinstance(checked, CheckedEvent):
        json.dumps(checked.payload, allow_nan=False).encode()
    else:
        assert checked
        assert all(fault.error for fault in checked)
        json.dumps([[fault.field, fault.error] for fault in checked], ensure_ascii=False).encode()


@given(JSON)
def test_accepted_data_can_be_kept_by_any_database(value: Any) -> None:
    """Given data that is accepted, then it is valid JSON in UTF-8, without NUL, and reads back the same."""
    checked = check_event(changed("data", {"value": value}), RULES, NOW)
    if isinstance(checked, CheckedEvent):
        written = json.dumps(checked.payload, allow_nan=False, ensure_ascii=False).encode().decode()
        assert "\\u0000" not in written
        assert json.loads(written) == checked.payload


@given(st.text(max_size=30))
def test_no_name_breaks_a_line(name: str) -> None:
    """Given any text as a name, then what is kept of it is one line without controls."""
    checked = check_event(changed("customer.name", name), RULES, NOW)
    if isinstance(checked, CheckedEvent):
        kept = checked.payload["customer"].get("name", "")
        assert len(kept.splitlines()) <= 1
        assert "\x00" not in kept
