"""What falls to whom: a share between 0 and 1 that is always the same for the same names, and what goes by it.

Splits and holdouts stay as they fell. A rehearsal may say itself how they fall: it gives the engine another `Chance`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Protocol

from worker.domain.journeys import Journey
from worker.domain.steps import Branch, Split


class Chance(Protocol):
    """Decides what else falls by a stable hash."""

    def branch(self, split: Split, journey: Journey) -> Branch:
        """Return the way of a split that falls to this journey, always the same one."""

    def sets_aside(self, flow: str, customer_id: int, holdout: float) -> bool:
        """Say whether a customer belongs to the share of a flow's customers that is set aside, always the same."""


class ByHash:
    """How it falls: evenly over names, and the same each time."""

    def branch(self, split: Split, journey: Journey) -> Branch:
        """Return the way of a split that falls to this journey, always the same one."""
        total = sum(branch.weight for branch in split.branches)
        mark = share(journey.flow, str(journey.customer_id), journey.once_key, split.name) * total
        for branch in split.branches:
            mark -= branch.weight
            if mark < 0:
                return branch
        return split.branches[-1]

    def sets_aside(self, flow: str, customer_id: int, holdout: float) -> bool:
        """Say whether a customer belongs to the share of a flow's customers that is set aside, always the same."""
        return share("holdout", flow, str(customer_id)) < holdout


BY_HASH = ByHash()


def share(*names: str) -> float:
    """Return a number in [0, 1) that depends on the names alone and is evenly spread over them."""
    digest = sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)
