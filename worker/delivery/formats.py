"""Money, numbers, dates and plurals as a language writes them, from CLDR by Babel.

Every space in a result is an ordinary one: CLDR puts no-break spaces into "450.000 ₫" and "2:05 PM", which
nobody finds by searching the text of a mail and which some mail programs draw as a box.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Literal, cast
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import NumberPattern, format_currency, format_decimal, get_currency_precision, get_currency_symbol

Number = int | float | Decimal
_SPACES = re.compile("[\u00a0\u202f\u2009]")
_NAMED = {"short", "medium", "long", "full"}
_DEPTH = 40  # digits before and after the point that are still written out


class FormatError(ValueError):
    """A value cannot be written in the way that was asked for; the message names the way, never the value."""


def money(amount: Number, currency: str, language: str) -> str:
    """Write an amount in a currency: 450000 VND is `450.000 ₫` in vi and `₫450,000` in en.

    Decimals are those of the currency (none for VND), rounded half to even; the arithmetic is exact.

    Raises:
        FormatError: the amount is no finite number.
    """
    if not isinstance(amount, (int, float, Decimal)):
        raise FormatError(f"'money' needs a number, not {type(amount).__name__}")
    return _money_text(amount, currency, language)


def number(value: Number, language: str) -> str:
    """Write a number with the language's separators, at most three decimals: `1.234,5` in vi."""
    if value.__class__ is int:
        return _whole_writer(language)(value)
    return _plain(format_decimal(_exact(value, "number"), locale=language))


def long_date(value: date, language: str, form: str = "long") -> str:
    """Write a day: `20 tháng 11, 2026`; form is short, medium, long, full or a CLDR pattern such as `d MMMM`."""
    return _plain(_date_text(value, form, language))


def moment(value: datetime, zone: ZoneInfo, language: str, form: str = "medium") -> str:
    """Write an instant as the clocks of a zone show it: day and time without seconds.

    Raises:
        FormatError: the datetime has no time zone.
    """
    local = _local(value, zone)
    if form in _NAMED:
        pattern = Locale.parse(language).datetime_formats["short" if form == "short" else "medium"]
        day, hour = long_date(local.date(), language, form), clock(value, zone, language)
        return _plain(str(pattern).replace("{0}", hour).replace("{1}", day).replace("'", ""))
    return _plain(format_datetime(local, form, locale=language))


def clock(value: datetime, zone: ZoneInfo, language: str, form: str = "short") -> str:
    """Write the time of day as the clocks of a zone show it: `14:05` in vi, `2:05 PM` in en.

    Raises:
        FormatError: the datetime has no time zone.
    """
    local = _local(value, zone)
    named = cast(Literal["short"], form)
    return _plain(format_time(local, named, tzinfo=zone, locale=language))


def local_day(value: datetime, zone: ZoneInfo) -> date:
    """Return the day that an instant falls on in a zone.

    Raises:
        FormatError: the datetime has no time zone.
    """
    return _local(value, zone).date()


def plural(count: Number, one: str, other: str, language: str) -> str:
    """Choose the word that goes with a count by the language's rule (Vietnamese has one form: `other`)."""
    return one if _plural_rule(language)(_exact(count, "plural")) == "one" else other


def _exact(value: Number, what: str) -> Decimal:
    if value.__class__ is int:  # the commonest, and bool is none
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise FormatError(f"'{what}' needs a number, not {type(value).__name__}")
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if not exact.is_finite():
        raise FormatError(f"'{what}' needs a finite number")
    if exact and (exact.adjusted() > _DEPTH or exact.adjusted() < -_DEPTH):
        raise FormatError(f"'{what}' needs a number of at most {_DEPTH} digits")
    return exact


def _local(value: datetime, zone: ZoneInfo) -> datetime:
    if value.tzinfo is None:
        raise FormatError("a time without a time zone cannot be shown; give it one, for example +07:00")
    return value.astimezone(zone)


@lru_cache(maxsize=4096, typed=True)  # an amount stands in a mail's HTML and text, and prices recur
def _money_text(amount: Number, currency: str, language: str) -> str:
    return _money_writer(currency, language)(_exact(amount, "money"))


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text)


@lru_cache(maxsize=2048)
def _date_text(value: date, form: str, language: str) -> str:
    return format_date(value, form, locale=language)


@lru_cache(maxsize=64)
def _plural_rule(language: str) -> Callable[[Decimal], str]:
    return cast(Callable[[Decimal], str], Locale.parse(language).plural_form)


@lru_cache(maxsize=256)
def _money_writer(currency: str, language: str) -> Callable[[Decimal], str]:
    """Return a writer made of CLDR's pattern: ten times as quick as asking Babel for each amount."""
    locale = Locale.parse(language)
    pattern = cast(NumberPattern, locale.currency_formats["standard"])
    if not _simple(pattern, locale):
        return lambda amount: _plain(format_currency(amount, currency, locale=locale))
    symbol = get_currency_symbol(currency, locale)
    digits = get_currency_precision(currency)
    step = Decimal(1).scaleb(-digits)
    separators = _separators(locale)

    def affix(text: str) -> str:
        return _plain(text.replace("¤", symbol))

    before, after = affix(pattern.prefix[0]), affix(pattern.suffix[0])
    below, beyond = affix(pattern.prefix[1]), affix(pattern.suffix[1])

    def write(amount: Decimal) -> str:
        rounded = amount.quantize(step, rounding=ROUND_HALF_EVEN) if amount.adjusted() < 20 else amount
        body = f"{abs(rounded):,.{digits}f}".translate(separators)
        return below + body + beyond if rounded < 0 else before + body + after

    return write


@lru_cache(maxsize=64)
def _whole_writer(language: str) -> Callable[[int], str]:
    """Return a writer of whole numbers, for the same reason."""
    locale = Locale.parse(language)
    if not _simple(cast(NumberPattern, locale.decimal_formats[None]), locale):
        return lambda whole: _plain(format_decimal(whole, locale=locale))
    separators = _separators(locale)
    return lambda whole: f"{whole:,}".translate(separators)


def _simple(pattern: NumberPattern, locale: Locale) -> bool:
    """Say whether Python's own grouping will do: groups of three from the fourth digit on, digits 0 to 9."""
    return (
        pattern.grouping == (3, 3)
        and str(locale.default_numbering_system) == "latn"
        and len(format_decimal(1000, locale=locale)) == 5  # Spanish and Polish write 1000 without a separator
    )


def _separators(locale: Locale) -> dict[int, str]:
    symbols = locale.number_symbols["latn"]
    return str.maketrans({",": _plain(symbols["group"]), ".": symbols["decimal"]})
