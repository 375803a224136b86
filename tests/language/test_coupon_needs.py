"""Templates and conditions that name coupons, held against the coupons that a flow gives."""

from __future__ import annotations

import pytest

from tests.language.samples import told

TEMPLATES = {"welcome": ("coupons.gift",), "thank-you": ()}
HEAD = "flow: post-purchase\ntrigger: purchase\nsteps:\n"
GUARD = "{% if coupons.gift is defined %}"


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        ("- coupon: gift\n- send: welcome", []),
        ("- if: customer.tracking\n  then: [{coupon: gift}]\n- send: welcome", []),
        (
            "- send: welcome\n- coupon: gift",
            [
                "4:9: error: the template 'welcome' shows 'coupons.gift', and no step before this one gives such a "
                f"coupon; add a step before: - coupon: gift; or send another template, or let this one ask '{GUARD}'"
            ],
        ),
        (
            "- coupon: gift\n- if: coupons.gift.code == 'A'\n  then: [{send: thank-you}]",
            ['5:7: error: coupons stand in texts, not in conditions; ask redeemed("gift")'],
        ),
        ("- coupon: gift\n- if: not redeemed('gift')\n  then: [{send: thank-you}]", []),
        (
            "- coupon: gift\n- send: thank-you\n  subject: '{{ coupons.gift.cod }}'",
            None,
        ),
    ],
)
def test_a_coupon_is_there_before_it_is_shown(steps: str, problems: list[str] | None) -> None:
    """Given a flow, then what shows a coupon stands after the step that gives it, and conditions ask redeemed()."""
    found = told(HEAD + steps + "\n", templates=TEMPLATES)
    if problems is None:
        assert len(found) == 1
        assert "did you mean 'code'?" in found[0]
    else:
        assert found == problems
