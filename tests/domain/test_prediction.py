"""Who buys again: the fitted model finds what made the data, and what it says of a customer makes sense."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.prediction import FEWEST_BUYERS, fit
from worker.domain.repurchase import Model, alive, predict, until_next

NOW = datetime(2027, 3, 1, tzinfo=UTC)
TRUE = Model(r=1.2, alpha=40.0, a=0.8, b=4.0)
models = st.builds(Model, st.floats(0.05, 5), st.floats(1, 300), st.floats(0.05, 5), st.floats(0.1, 20))


def life(dice: random.Random, model: Model, age: float) -> tuple[list[float], bool]:
    """Return the days of the purchases of one made-up customer after the first, and whether they are still one."""
    rate, chance = dice.gammavariate(model.r, 1 / model.alpha), dice.betavariate(model.a, model.b)
    days: list[float] = []
    at = 0.0
    while True:
        if dice.random() < chance:
            return days, False
        at += dice.expovariate(rate)
        if at > age:
            return days, True
        days.append(at)


@pytest.fixture(scope="module")
def shop() -> list[tuple[list[float], bool, float]]:
    """Four thousand made-up customers, known since up to two years."""
    dice = random.Random(7)
    ages = [dice.uniform(30, 730) for _ in range(4_000)]
    return [(*life(dice, TRUE, age), age) for age in ages]


@pytest.fixture(scope="module")
def fitted(shop: list[tuple[list[float], bool, float]]) -> Model:
    buyers = Counter((len(days), round(days[-1]) if days else 0, round(age)) for days, _, age in shop)
    found = fit(buyers)
    assert found is not None
    return found


def test_the_fit_says_as_many_alive_as_are(shop: list[tuple[list[float], bool, float]], fitted: Model) -> None:
    """Given customers made up by a known model, when one is fitted to what they bought, then of those it gives a like
    chance to be alive, as many are."""
    chances = [(alive(fitted, len(days), days[-1] if days else 0.0, age), still) for days, still, age in shop]
    chances.sort()
    fifth = len(chances) // 5
    for start in range(0, 5 * fifth, fifth):
        some = chances[start : start + fifth]
        said, true = sum(chance for chance, _ in some) / fifth, sum(still for _, still in some) / fifth
        assert abs(said - true) < 0.06


def test_the_fit_foretells_the_next_order(fitted: Model) -> None:
    """Given the fitted model, when customers with several orders live on, then about half of those who stay buy again
    by the foretold day."""
    dice = random.Random(11)
    waits: list[tuple[float, float]] = []
    while len(waits) < 2_000:
        rate, repeats, at = dice.gammavariate(TRUE.r, 1 / TRUE.alpha), dice.randrange(1, 6), 0.0
        for _ in range(repeats):
            at += dice.expovariate(rate)
        waits.append((dice.expovariate(rate), until_next(fitted, repeats, at)))
    assert 0.4 < sum(wait <= said for wait, said in waits) / len(waits) < 0.6


def test_too_few_buyers_foretell_nothing() -> None:
    """Given a new shop, or one where nobody ever came back, when a model is fitted, then there is none."""
    assert fit({(2, 30, 90): FEWEST_BUYERS - 1}) is None
    assert fit({(0, 0, 90): 10_000}) is None


@given(models, st.integers(0, 50), st.floats(0, 2_000), st.floats(0, 2_000), st.floats(0.1, 1_000))
def test_silence_makes_nobody_more_alive(
    model: Model, repeats: int, recency: float, since: float, longer: float
) -> None:
    """Given any model and customer, when they are silent for longer, then the chance is a chance and does not grow."""
    now = alive(model, repeats, recency, recency + since)
    later = alive(model, repeats, recency, recency + since + longer)
    assert 0.0 <= later <= now <= 1.0


@given(models, st.integers(1, 60), st.integers(0, 2_000), st.integers(0, 2_000))
def test_a_prediction_lies_after_the_last_order(model: Model, orders: int, days: int, since: int) -> None:
    """Given any customer who bought, when they are foretold, then the next order lies after the last, or nowhere."""
    last = NOW - timedelta(days=since)
    found = predict(model, orders, last - timedelta(days=days if orders > 1 else 0), last, NOW)
    assert found.next_order_at is None or found.next_order_at >= last
    assert 0.0 <= found.alive <= 1.0


def test_who_buys_each_month_is_foretold_in_about_a_month() -> None:
    """Given a customer who has bought every thirty days for a year, when they are foretold, then about that long after
    the last order, and that they are alive; a year later they hardly are."""
    last = NOW - timedelta(days=10)
    regular = predict(TRUE, 13, last - timedelta(days=360), last, NOW)
    assert regular.next_order_at is not None
    assert timedelta(days=15) < regular.next_order_at - last < timedelta(days=35)
    assert regular.alive > 0.9
    assert predict(TRUE, 13, last - timedelta(days=360), last, NOW + timedelta(days=365)).alive < 0.05
