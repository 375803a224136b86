"""Money, numbers, dates and plurals come out as the language writes them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.formats import FormatError, clock, local_day, long_date, moment, money, number, plural

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
MORNING = datetime(2027, 3, 1, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "language", "text"),
    [
        (450_000, "VND", "vi", "450.000 ₫"),
        (450_000, "VND", "en", "₫450,000"),
        (0, "VND", "vi", "0 ₫"),
        (1_234_567_890, "VND", "vi", "1.234.567.890 ₫"),
        (Decimal("12.5"), "USD", "en", "$12.50"),
        (12.5, "USD", "vi", "12,50 US$"),
        (-25_000, "VND", "vi", "-25.000 ₫"),
        (Decimal("0.125"), "USD", "en", "$0.12"),  # half to even
    ],
)
def test_money_is_written_as_the_language_does(amount: float, currency: str, language: str, text: str) -> None:
    """Given an amount, when it is written, then with the currency's decimals and the language's marks."""
    assert money(amount, currency, language) == text


@given(
    amount=st.decimals(min_value=-(10**12), max_value=10**12, places=3),
    currency=st.sampled_from(["VND", "USD", "EUR", "JPY", "KWD"]),
    language=st.sampled_from(["vi", "en", "fr", "de", "es", "hi", "ar", "pl", "de_CH"]),
)
def test_money_agrees_with_babel(amount: Decimal, currency: str, language: str) -> None:
    """Given any amount, the quick way writes what Babel writes, no-break spaces made ordinary ones."""
    expected = re.sub("[\u00a0\u202f\u2009]", " ", format_currency(amount, currency, locale=language))
    if amount and not any(digit in expected for digit in "123456789٠١٢٣٤٥٦٧٨٩"):
        return  # Babel writes -$0.00 for what rounds to nothing
    assert money(amount, currency, language) == expected


@given(whole=st.integers(-(10**15), 10**15), language=st.sampled_from(["vi", "en", "fr", "es", "pl", "hi", "sv"]))
def test_whole_numbers_agree_with_babel(whole: int, language: str) -> None:
    """Given any whole number, the quick way writes what Babel writes."""
    assert number(whole, language) == re.sub("[\u00a0\u202f]", " ", format_decimal(whole, locale=language))


@pytest.mark.parametrize("wrong", ["450000", None, True, float("nan"), Decimal("Infinity"), [1], Decimal("1e60")])
def test_what_is_no_amount_is_refused(wrong: object) -> None:
    """Given something that is no sensible number, then an error that does not repeat the value."""
    with pytest.raises(FormatError) as caught:
        money(wrong, "VND", "vi")  # type: ignore[arg-type] # that is the point
    assert "450000" not in str(caught.value)


def test_days_and_times_are_those_of_the_zone() -> None:
    """Given an instant late on the day before in UTC, when shown in Vietnam, then it is the next day there."""
    late = datetime(2027, 2, 28, 18, 30, tzinfo=UTC)
    assert local_day(late, SAIGON) == date(2027, 3, 1)
    assert clock(late, SAIGON, "vi") == "01:30"
    assert clock(MORNING, SAIGON, "en") == "2:05 PM"
    assert moment(MORNING, SAIGON, "vi") == "14:05 1 thg 3, 2027"
    assert moment(MORNING, SAIGON, "en", "long") == "March 1, 2027, 2:05 PM"
    assert moment(MORNING, SAIGON, "vi", "EEEE, d MMMM, HH:mm") == "Thứ Hai, 1 tháng 3, 14:05"


def test_dates_are_written_as_the_language_does() -> None:
    """Given a day, then it reads as a person of that language would write it."""
    assert long_date(date(2027, 3, 1), "vi") == "1 tháng 3, 2027"
    assert long_date(date(2027, 3, 1), "en") == "March 1, 2027"
    assert long_date(date(2027, 3, 1), "vi", "d MMMM") == "1 tháng 3"


def test_a_time_without_a_zone_is_refused() -> None:
    """Given a naive datetime, then nobody guesses its zone."""
    with pytest.raises(FormatError, match="time zone"):
        moment(datetime(2027, 3, 1), SAIGON, "vi")  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("count", "language", "word"),
    [(1, "en", "bag"), (2, "en", "bags"), (0, "en", "bags"), (1, "vi", "bags"), (1.5, "en", "bags")],
)
def test_plurals_follow_the_language(count: float, language: str, word: str) -> None:
    """Given a count, then the word that the language's rule asks for; Vietnamese has one form only."""
    assert plural(count, "bag", "bags", language) == word
