"""The envelope sender: it tells its message again, whatever the servers on the way made of its letters."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.envelope import message_of, return_path
from worker.delivery.tokens import Tokens

TOKENS = Tokens([b"the first key of the ring"])
MESSAGES = st.integers(0, 2**63 - 1)


@given(MESSAGES, st.randoms(use_true_random=False))
def test_an_envelope_sender_tells_its_message(message: int, chance: Random) -> None:
    """Given any message, then its envelope sender is one that every server takes, and tells the message again."""
    sender = return_path(TOKENS, "bounces.shop.example", message)
    local, _, domain = sender.partition("@")
    assert domain == "bounces.shop.example"
    assert len(local) <= 64
    assert sender.isascii()
    changed = "".join(letter.upper() if chance.random() < 0.5 else letter for letter in sender)
    assert message_of(TOKENS, sender) == message
    assert message_of(TOKENS, f"<{changed}>") == message
    assert message_of(TOKENS, f"{local}@relay.example") == message


@given(st.text(max_size=80) | st.text("b+abcxyz234567@.<>", max_size=80).map(lambda text: f"b+{text}"))
def test_any_other_address_is_no_message(address: str) -> None:
    """Given any text, then it is no message, and no exception either."""
    assert message_of(TOKENS, address) is None


@given(MESSAGES, st.data())
def test_a_changed_token_is_no_message(message: int, data: st.DataObject) -> None:
    """Given a sender whose token was changed, cut off, or made by a stranger's key, then it is nobody's.

    The last letter is left alone: of its five bits some belong to no byte.
    """
    sender = return_path(TOKENS, "b.example", message)
    at = data.draw(st.integers(2, sender.index("@") - 2))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda one: one != sender[at]))
    assert message_of(TOKENS, sender[:at] + letter + sender[at + 1 :]) is None
    assert message_of(TOKENS, sender[:at] + "@b.example") is None
    assert message_of(TOKENS, return_path(Tokens([b"a stranger's"]), "b.example", message)) is None
