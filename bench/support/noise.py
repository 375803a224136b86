"""How much of the machine others had while something was measured: its load, and what its host took."""

from __future__ import annotations

import psutil


class Noise:
    """Counts from its making."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def told(self) -> str:
        """Return the load, and the share of the processors' time in which the host let others work instead."""
        after = psutil.cpu_times()
        passed = sum(after[:8]) - sum(self._before[:8])
        stolen = getattr(after, "steal", 0.0) - getattr(self._before, "steal", 0.0)
        share = 100 * stolen / passed if passed else 0.0
        return f"load {psutil.getloadavg()[0]:.1f}, {share:.0f} % of the processors' time taken by the host"
