"""Values that are made by thousands in a second: filled in like any object, and held fast by the type checker alone.

A frozen dataclass fills itself in through `object.__setattr__`, at eight times the cost of plain assignment: of what
one mail took in its sender, a twentieth.
"""

from __future__ import annotations

from dataclasses import field, fields, make_dataclass
from typing import Any, TypeVar

T = TypeVar("T", bound=type)


def light(made: T) -> T:
    """Have a frozen dataclass fill its values in plainly; put above `@dataclass(frozen=True, slots=True)`.

    It compares, hashes and is replaced as before, and mypy refuses whoever changes a value; Python no longer does.

    Raises:
        TypeError: it has a `__post_init__`, which would not be called.
    """
    if hasattr(made, "__post_init__"):
        raise TypeError(f"{made.__name__} has a __post_init__, and is too heavy to be light")
    values: list[tuple[str, Any, Any]] = [
        (one.name, one.type, field(default=one.default, default_factory=one.default_factory)) for one in fields(made)
    ]
    made.__init__ = make_dataclass(made.__name__, values).__init__  # type: ignore[misc] # of a class, for all to come
    del made.__setattr__, made.__delattr__
    return made
