"""Customers and staff are greeted by their given names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.condition_facts import FACTS
from worker.domain.conditions.values import Reading
from worker.domain.given_names import given_name
from worker.domain.own_fields import typed
from worker.language.expressions.expressions import parse_expression, parse_text


@pytest.mark.parametrize(
    ("name", "language", "greeted"),
    [
        ("Nguyễn Thị Mai", "vi", "Mai"),
        ("  Trần   Quang Huy ", "vi", "Huy"),
        ("Nguyễn Thị Mai", "en", "Mai"),
        ("TRAN Quang Huy", "en", "Huy"),
        ("Ann Baker", "en", "Ann"),
        ("Mai", "vi", "Mai"),
        ("Mai", "en", "Mai"),
        ('Mai ☕ “Nguyễn”, "Cà phê" <x@y.vn>', "vi", None),
        ("<Mai", "en", None),
        ("mai@example.com", "vi", None),
        ("Nguyễn ☕", "vi", None),
        ("Nguyễn Mai2", "vi", "Mai2"),
        ("  ", "vi", None),
        (None, "en", None),
    ],
)
def test_a_whole_name_holds_the_given_one(name: str | None, language: str, greeted: str | None) -> None:
    """Given a whole name, then the name to greet by is its last word in Vietnamese, and its first elsewhere."""
    assert given_name(name, language) == greeted


UNNAMED = replace(FACTS, customer=replace(FACTS.customer, name="Nguyễn Thị Mai", first_name=None, language="vi"))


def test_texts_derive_it_and_conditions_ask_for_the_shop_s_word() -> None:
    """Given a customer of whom only the whole name is known, then texts of flows greet by the given name in it;
    conditions, and segments that a text asks for, find no first name: the database answers them alike."""
    missing = parse_expression("customer.first_name is none")
    reading = Reading({"unnamed": missing})

    assert reading.text(parse_text("{{ customer.first_name }}, xin chào"), UNNAMED) == "Mai, xin chào"
    assert typed(parse_text("{{ customer.first_name }}"), None, UNNAMED, reading) == "Mai"
    assert reading.holds(missing, UNNAMED)
    assert reading.told(parse_expression('in_segment("unnamed")'), UNNAMED) is True
