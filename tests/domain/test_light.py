"""Light values: made quickly, and in all else what a frozen dataclass is."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import pytest

from worker.domain.light import light


@light
@dataclass(frozen=True, slots=True)
class Cup:
    """A cup, as light as it comes."""

    size: int
    beans: tuple[str, ...] = ("arabica",)
    extras: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_large(self) -> bool:
        return self.size > 300


def test_a_light_value_is_filled_in_with_what_was_given_and_with_defaults() -> None:
    """Given values by place and by name, or none, then they stand there, and each default is made anew."""
    assert (Cup(250).beans, Cup(250).extras) == (("arabica",), {})
    assert Cup(250).extras is not Cup(250).extras
    assert fields(Cup)[0].name == "size"
    assert [getattr(Cup(350, extras={"milk": 1}), one.name) for one in fields(Cup)] == [350, ("arabica",), {"milk": 1}]
    assert Cup(350).is_large
    with pytest.raises(TypeError, match="size"):
        Cup()  # type: ignore[call-arg]


def test_a_light_value_compares_and_is_copied_like_any_frozen_one() -> None:
    """Given two of the same values, then they are equal and hash alike, whichever way they came to be."""
    one = Cup(250, ("robusta",), {})
    assert one == replace(Cup(100, ("robusta",)), size=250) == copy.copy(one) == pickle.loads(pickle.dumps(one))
    assert one != Cup(250)
    assert repr(one) == "Cup(size=250, beans=('robusta',), extras={})"
    assert hash(Key("a")) == hash(Key("a"))
    assert not hasattr(one, "__dict__")


@light
@dataclass(frozen=True, slots=True)
class Key:
    """One that stands in sets."""

    word: str


def test_a_class_with_more_to_do_at_its_making_is_refused() -> None:
    """Given a class that looks at its values when it is made, then it is told at once that this would be left out."""
    with pytest.raises(TypeError, match="__post_init__"):

        @light
        @dataclass(frozen=True, slots=True)
        class Checked:
            """Looks at its values."""

            size: int

            def __post_init__(self) -> None:
                assert self.size
