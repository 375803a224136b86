"""Fitting the model of who buys again (`worker.domain.repurchase`) to the buyers of a shop, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from worker.domain.repurchase import Model

FEWEST_BUYERS = 100
FEWEST_REPEATERS = 20
_SHRINK = 0.001  # keeps parameters from running away where the data hardly tell them; a share of their logarithms
_START = (1.0, 30.0, 0.5, 2.0)
_BOUNDS = [(-7.0, 7.0), (-3.0, 12.0), (-7.0, 7.0), (-7.0, 12.0)]  # of the logarithms

Buyers = Mapping[tuple[int, int, int], int]
"""How many buyers there are of each (orders after the first, days from first to last order, days from first to now)."""


def fit(buyers: Buyers) -> Model | None:
    """Return the most likely model, or None where there are too few buyers, or too few who bought again."""
    if sum(buyers.values()) < FEWEST_BUYERS:
        return None
    if sum(count for (repeats, _, _), count in buyers.items() if repeats) < FEWEST_REPEATERS:
        return None
    rows = np.array([*buyers], dtype=np.float64)
    weights = np.array([*buyers.values()], dtype=np.float64)
    repeats, recency, age = rows[:, 0], rows[:, 1], np.maximum(rows[:, 1], rows[:, 2])
    weights = weights / weights.sum()

    def loss(logs: NDArray[np.float64]) -> float:
        r, alpha, a, b = np.exp(logs)
        likely = np.sum(weights * _log_likelihood(r, alpha, a, b, repeats, recency, age))
        return float(_SHRINK * np.sum((logs - np.log(_START)) ** 2) - likely)

    found = minimize(loss, np.log(_START), method="L-BFGS-B", bounds=_BOUNDS)
    r, alpha, a, b = (float(one) for one in np.exp(found.x))
    return Model(r, alpha, a, b)


def _log_likelihood(
    r: float,
    alpha: float,
    a: float,
    b: float,
    repeats: NDArray[np.float64],
    recency: NDArray[np.float64],
    age: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the logarithm of each buyer's likelihood, one constant of the data left out."""
    rate = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha)
    still = betaln(a, b + repeats + 1) - betaln(a, b) - (r + repeats) * np.log(alpha + age)
    left = betaln(a + 1, b + repeats) - betaln(a, b) - (r + repeats) * np.log(alpha + recency)
    total: NDArray[np.float64] = rate + np.logaddexp(still, left)
    return total
