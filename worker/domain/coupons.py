"""Coupons: how their codes are written, until when they are good, and which one a text or a mail names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.durations import Duration
from worker.domain.facts import CouponFact
from worker.domain.steps import Coupon

# Digits and consonants that cannot be taken for one another, by eye or on the telephone: no 0 1, no B (8), L, S (5),
# Z (2), and no vowels, so that no code is a word. 25 of them.
ALPHABET = "23456789CDFGHJKMNPQRTVWXY"
LENGTH = 9  # 9 * log2(25) = 41.8 bits: somebody who tries a thousand codes a second finds one of a million in an hour
LONGEST_CODE = 50  # characters: what `order.coupon` of an event may hold
LONGEST_PREFIX = 12

_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_APART = re.compile(r"[\s,;|+]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def normal_code(text: str) -> str:
    """Return a code as it is kept and compared: in capitals, with plain dashes, without spaces around it.

    What word processors and phones make of a code (long dashes, letters of full width, invisible marks) is undone.
    """
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
    return _DASHES.sub("-", plain).strip().upper()


def codes_in(text: str) -> tuple[str, ...]:
    """Return the codes that an order's `coupon` may mean: the text as it is, and each part of it.

    A shop that takes several codes off one order tells them in one text, with commas or spaces between.
    """
    whole = normal_code(text)
    return tuple(dict.fromkeys(code for code in (whole, *_APART.split(whole)) if code))


def code_fault(code: str) -> str | None:
    """Return what is wrong with a code that a shop gives (as `normal_code` returns it), or None."""
    if not code:
        return "is empty"
    if len(code) > LONGEST_CODE:
        return f"is longer than {LONGEST_CODE} characters"
    if _APART.search(code):
        return "has a space, comma or other separator in it"
    if not code.isprintable() or "\ufffd" in code or any("\ud800" <= letter <= "\udfff" for letter in code):
        return "has a letter that cannot be read; is the file of another encoding?"
    return None


def is_coupon_name(text: str) -> bool:
    """Whether a coupon may be called so: letters, digits and `_`, since templates write `coupons.NAME.code`."""
    return len(text) <= 50 and _NAME.fullmatch(text) is not None


def prefix_of(step: Coupon) -> str:
    """Return what the codes made at a step begin with: its prefix, else the coupon's name."""
    if step.prefix:
        return normal_code(step.prefix)
    return re.sub("[^A-Z0-9]", "", step.coupon.upper())[:LONGEST_PREFIX]


def good_until(expires: Duration | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the last second at which a coupon is good: of days, weeks and months the end of that day in the zone.

    Nobody who reads "until 31 March" should learn in the afternoon of that day that the code was good until noon.
    """
    if expires is None:
        return None
    if not expires.by_calendar:
        return now + expires.span()
    day = expires.after(now.astimezone(zone).replace(tzinfo=None)).date()
    midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    return midnight.astimezone(now.tzinfo) - timedelta(seconds=1)


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the earlier of two ends, of which either may be missing."""
    ends = [end for end in (one, other) if end is not None]
    return min(ends, default=None)


def coupon_named(name: str, coupons: Sequence[CouponFact], now: datetime) -> CouponFact | None:
    """Return the coupon that a name means: the journey's own, else the customer's latest that can still be redeemed.

    Parameters:
        coupons: the customer's, the one given first first.
    """
    mine = [coupon for coupon in coupons if coupon.name == name]
    own = [coupon for coupon in mine if coupon.own]
    good = [one for one in mine if one.redeemed_at is None and (one.expires_at is None or one.expires_at > now)]
    return next(reversed(own or good), None)
