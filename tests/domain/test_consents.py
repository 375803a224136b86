"""What an address's consent is after words about it, in whatever order they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.consents import Standing, Word, consent_change, word
from worker.domain.customers import ConsentState

AT = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
MUCH_LATER = LATER + timedelta(days=1)
S = ConsentState


def _heard(words: list[Word]) -> Standing:
    standing = Standing()
    for said in words:
        standing = consent_change(standing, said) or standing
    return standing


@pytest.mark.parametrize(
    ("known", "said", "event", "new"),
    [
        (Standing(), True, "purchase", S.SUBSCRIBED),
        (Standing(), False, "purchase", S.UNSUBSCRIBED),
        (Standing(S.SUBSCRIBED, AT), False, "purchase", S.UNSUBSCRIBED),
        (Standing(S.SUBSCRIBED, MUCH_LATER), False, "unsubscribed", S.UNSUBSCRIBED),  # a purchase undoes no refusal
        (Standing(S.SUBSCRIBED, MUCH_LATER, anew=True), False, "unsubscribed", None),  # said anew after the refusal
        (Standing(S.SUBSCRIBED, LATER, anew=True), False, "unsubscribed", S.UNSUBSCRIBED),  # of two at once the no
        (Standing(S.UNSUBSCRIBED, AT), True, "purchase", None),  # a shop's record that lags behind a refusal
        (Standing(S.UNSUBSCRIBED, AT), True, "subscribed", S.SUBSCRIBED),  # said anew
        (Standing(S.UNSUBSCRIBED, MUCH_LATER), True, "subscribed", None),  # said before the refusal
        (Standing(S.SUBSCRIBED, AT), True, "purchase", None),  # nothing new
        (Standing(S.UNSUBSCRIBED, MUCH_LATER), False, "purchase", None),  # nothing new
    ],
)
def test_a_refusal_is_undone_by_a_new_yes_only(known: Standing, said: bool, event: str, new: S | None) -> None:
    """Given what is known, when a word comes, then a no stands until a later `subscribed`."""
    change = consent_change(known, word(said, LATER, LATER, event))
    assert (change.state if change else None) is new


def test_a_word_is_said_no_later_than_it_is_heard() -> None:
    """Given a yes dated seven hours ahead, when a no comes an hour after it, then the no holds."""
    yes = word(True, AT + timedelta(hours=7), AT, "subscribed")
    assert yes.at == AT
    assert _heard([yes, word(False, LATER, LATER, "unsubscribed")]).state is S.UNSUBSCRIBED


words = st.builds(Word, st.just(False), st.integers(0, 5).map(lambda hours: AT + timedelta(hours=hours))) | st.builds(
    Word, st.just(True), st.integers(0, 5).map(lambda hours: AT + timedelta(hours=hours)), st.booleans()
)


@given(st.lists(words, max_size=7), st.randoms(use_true_random=False))
def test_the_order_in_which_words_come_does_not_matter(said: list[Word], chance: Random) -> None:
    """Given any words, when they come in any order, then the latest no holds unless a yes was said anew after it."""
    shuffled = list(said)
    chance.shuffle(shuffled)
    noes = [one.at for one in said if not one.yes]
    anew = [one.at for one in said if one.anew]
    if not said:
        expected = S.UNKNOWN
    elif noes and not (anew and max(anew) > max(noes)):
        expected = S.UNSUBSCRIBED
    else:
        expected = S.SUBSCRIBED
    assert _heard(said).state is expected
    assert _heard(shuffled).state is expected
