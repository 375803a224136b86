"""What events tell of a customer, the newer word before the older."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from worker.domain.customers import Consent, ConsentState, Customer
from worker.domain.messages import Kind
from worker.domain.policy import Pending, SkipReason, skip
from worker.domain.profiles import profile_changes

AT = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
S = ConsentState


def test_the_newer_word_wins_and_an_older_one_fills_gaps() -> None:
    """Given a customer named lately, when an older event comes, then it fills what is empty and changes nothing."""
    known = Customer(1, name="Nguyễn Lan", profile_at=LATER)
    changes = profile_changes(known, {"name": "Lan", "phone": "0912345678", "birthday": "1990-05-17"}, AT)
    assert changes == {"phone": "0912345678", "birthday": date(1990, 5, 17)}


def test_what_is_not_mentioned_stays_and_null_takes_away() -> None:
    """Given a known customer, when a newer event names only the phone as null, then the phone goes, the name stays."""
    known = Customer(1, name="Lan", phone="0912345678", profile_at=AT)
    assert profile_changes(known, {"phone": None}, LATER) == {"phone": None, "profile_at": LATER}


def test_own_fields_are_joined_one_by_one() -> None:
    """Given own fields, when an event brings another, then both are there."""
    known = Customer(1, fields={"tier": "gold"}, profile_at=AT)
    assert profile_changes(known, {"fields": {"points": 10}}, LATER)["fields"] == {"tier": "gold", "points": 10}
    older = profile_changes(known, {"fields": {"tier": "silver", "points": 3}}, AT - timedelta(days=1))
    assert older["fields"] == {"tier": "gold", "points": 3}


def test_tags_are_replaced_as_a_whole() -> None:
    """Given tags, when a newer event brings others, or none, then those hold; an older event fills only none."""
    known = Customer(1, tags=("coffee-club", "arabica"), profile_at=AT)
    assert profile_changes(known, {"tags": ["vip"]}, LATER)["tags"] == ["vip"]
    assert profile_changes(known, {"tags": []}, LATER)["tags"] == []
    assert profile_changes(known, {"tags": None}, LATER)["tags"] == []
    assert "tags" not in profile_changes(known, {"tags": ["coffee-club", "arabica"]}, LATER)
    assert "tags" not in profile_changes(known, {"name": "Lan"}, LATER)
    assert profile_changes(known, {"tags": ["vip"]}, AT - timedelta(days=1)) == {}
    assert profile_changes(Customer(1, profile_at=LATER), {"tags": ["vip"]}, AT) == {"tags": ["vip"]}


def _skip(kind: Kind, consent: Consent, **more: object) -> SkipReason | None:
    customer = Customer(1, email="lan@example.com", consent=consent)
    return skip(Pending(kind, customer, **more), AT)  # type: ignore[arg-type]


def test_marketing_needs_a_yes_and_a_confirmation_does_not() -> None:
    """Given each consent, when a mail is to go, then marketing needs a yes; transactional mail needs none."""
    yes, no, unknown = Consent(S.SUBSCRIBED), Consent(S.UNSUBSCRIBED), Consent()
    assert _skip(Kind.MARKETING, yes) is None
    assert _skip(Kind.MARKETING, no) is SkipReason.UNSUBSCRIBED
    assert _skip(Kind.MARKETING, unknown) is SkipReason.NO_CONSENT
    assert [_skip(Kind.TRANSACTIONAL, one) for one in (yes, no, unknown)] == [None, None, None]


def test_each_rule_gives_its_reason() -> None:
    """Given what keeps a mail back, when the rules are asked, then they say which it was."""
    yes = Consent(S.SUBSCRIBED)
    assert _skip(Kind.TRANSACTIONAL, Consent(suppressed="hard bounce: 5.1.1")) is SkipReason.SUPPRESSED
    assert _skip(Kind.MARKETING, yes, expires_at=AT - timedelta(seconds=1)) is SkipReason.EXPIRED
    assert _skip(Kind.MARKETING, yes, expires_at=AT) is None
    assert _skip(Kind.MARKETING, yes, withdrawn=True) is SkipReason.EXIT
    assert _skip(Kind.TRANSACTIONAL, yes, exit_rule="customer.orders_count > 1") is SkipReason.EXIT
    nobody = Pending(Kind.TRANSACTIONAL, Customer(1))
    assert skip(nobody, AT) is SkipReason.NO_ADDRESS
    erased = Pending(Kind.TRANSACTIONAL, Customer(1, email="x@y.vn", erased=True))
    assert skip(erased, AT) is SkipReason.ERASED
