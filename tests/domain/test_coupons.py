"""Codes as people type them, the end of a coupon's time, and which coupon a name means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.coupons import code_fault, codes_in, coupon_named, good_until, normal_code, prefix_of
from worker.domain.durations import parse_duration
from worker.domain.facts import CouponFact
from worker.domain.steps import Coupon

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2027, 3, 1, 20, 0, tzinfo=UTC)  # 03:00 on 2 March in Saigon


@given(st.text(max_size=60))
def test_a_code_is_normal_once_and_for_all(text: str) -> None:
    """Given any text, then its normal form is its own, and the same however the text is capitalised and padded."""
    code = normal_code(text)
    assert normal_code(code) == code
    assert normal_code(f" \u200b{text}\n") == code
    assert code_fault(code) is not None or codes_in(text) == (code,)


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("tet-7kx", ("TET-7KX",)),
        (" tet\u20137kx\u00a0", ("TET-7KX",)),
        ("ＴＥＴ－７", ("TET-7",)),
        ("A-1, b-2;C", ("A-1, B-2;C", "A-1", "B-2", "C")),
        ("A A", ("A A", "A")),
        ("  ", ()),
    ],
)
def test_an_order_s_text_may_hold_several_codes(written: str, codes: tuple[str, ...]) -> None:
    """Given what an order tells of coupons, then it is a code, or several."""
    assert codes_in(written) == codes


@pytest.mark.parametrize(
    ("expires", "zone", "end"),
    [
        ("30 minutes", SAIGON, "2027-03-01T20:30:00"),
        ("1 day", SAIGON, "2027-03-03T16:59:59"),  # the end of 3 March there
        ("1 month", SAIGON, "2027-04-02T16:59:59"),
        ("27 days", ZoneInfo("Europe/Berlin"), "2027-03-28T21:59:59"),  # the day on which clocks go forward
        ("0 days", ZoneInfo("America/Santiago"), "2027-03-02T02:59:59"),
    ],
)
def test_days_are_good_to_their_end(expires: str, zone: ZoneInfo, end: str) -> None:
    """Given a time in days, then the coupon is good through the last second of the last one, in the shop's zone."""
    assert good_until(parse_duration(expires), NOW, zone) == datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert good_until(None, NOW, zone) is None


@pytest.mark.parametrize(
    ("step", "prefix"),
    [
        (Coupon("c", 1, coupon="birthday"), "BIRTHDAY"),
        (Coupon("c", 1, coupon="mid_autumn_2027_gift"), "MIDAUTUMN202"),
        (Coupon("c", 1, coupon="birthday", prefix="LAN"), "LAN"),
    ],
)
def test_codes_begin_with_the_prefix_or_the_name(step: Coupon, prefix: str) -> None:
    """Given a step, then its codes begin with its prefix, else with the coupon's name."""
    assert prefix_of(step) == prefix


def test_a_name_means_the_journeys_own_coupon_first() -> None:
    """Given coupons of one name, then the journey's own is meant; else the latest that can still be redeemed."""
    old = CouponFact("gift", "OLD")
    over = CouponFact("gift", "OVER", expires_at=NOW)
    used = CouponFact("gift", "USED", redeemed_at=NOW - timedelta(days=1))
    own = CouponFact("gift", "OWN", redeemed_at=NOW, own=True)
    other = CouponFact("thanks", "OTHER")
    assert coupon_named("gift", [old, own, over, used, other], NOW) == own
    assert coupon_named("gift", [old, over, used, other], NOW) == old
    assert coupon_named("gift", [over, used, other], NOW) is None
