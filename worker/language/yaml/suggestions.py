"""`did you mean …`: the known name that is closest to a wrong one, where one is close."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz.distance import OSA

_LONGEST = 60  # characters; nobody mistypes a longer name for a known one


def closest(wrong: str, known: Iterable[str]) -> str | None:
    """Return the known name with the fewest slips of the keyboard between, at most one for each three letters."""
    if not 1 < len(wrong) <= _LONGEST:
        return None
    written = wrong.casefold().replace("_", "-")
    ranked = sorted(
        (OSA.distance(written, name.casefold().replace("_", "-")), at, name)
        for at, name in enumerate(dict.fromkeys(known))
    )
    if not ranked or ranked[0][0] > max(1, len(wrong) // 3):
        return None
    return ranked[0][2]


def did_you_mean(wrong: str, known: Iterable[str]) -> str | None:
    """Return the hint that asks for the closest known name, or None where none is close."""
    found = closest(wrong, known)
    return f"did you mean '{found}'?" if found is not None else None


def listed(names: Iterable[str], last: str = "or") -> str:
    """Return names in quotes, `'a', 'b' or 'c'`."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"
