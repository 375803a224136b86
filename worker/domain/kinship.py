"""Keys that belong together: what one customer may be found by, gathered from pairs that are known to be one's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Kinship:
    """Keys in families: two that were ever named together are of one family, and so on from each to the next.

    Parameters:
        groups: keys that were named together; a group may be a single key, an empty one says nothing.
    """

    def __init__(self, groups: Iterable[Sequence[str]] = ()) -> None:
        self._elder: dict[str, str] = {}
        self.join(groups)

    @property
    def keys(self) -> set[str]:
        """All keys that were ever named."""
        return set(self._elder)

    def join(self, groups: Iterable[Sequence[str]]) -> set[str]:
        """Take over what was named together; returns the keys that are new."""
        fresh: set[str] = set()
        for group in groups:
            for key in group:
                if key not in self._elder:
                    self._elder[key] = key
                    fresh.add(key)
                self._elder[self.of(key)] = self.of(group[0])
        return fresh

    def of(self, key: str) -> str:
        """Return the key that stands for the family of this one, the same for all of a family."""
        while (elder := self._elder[key]) != key:
            self._elder[key] = self._elder[elder]
            key = elder
        return key
