"""What buyers of the shop are like as a whole: the fitted model by which each is foretold."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, Table

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant

prediction = Table(
    "prediction",
    metadata,
    Column("id", Id, primary_key=True),  # there is one: 1
    Column("fitted_at", Instant, nullable=False),
    Column("buyers", Integer, nullable=False),
    Column("r", Double),  # the model's parameters, empty while there are too few buyers
    Column("alpha", Double),
    Column("a", Double),
    Column("b", Double),
)
