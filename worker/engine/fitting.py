"""The model of who buys again, fitted anew to all buyers. Apart from the rest, since it alone needs numpy and scipy."""

from __future__ import annotations

from datetime import datetime

from worker.domain.prediction import fit
from worker.storage import predictions
from worker.storage.database import Database
from worker.storage.predictions import Fitted


def fit_anew(database: Database, now: datetime) -> Fitted:
    """Fit the model to all who have bought up to now, keep it, and return it."""
    with database.reading() as connection:
        histories = predictions.histories(connection, now)
    model, buyers = fit(histories), sum(histories.values())
    with database.writing() as connection:
        predictions.keep(connection, model, buyers, now)
    return Fitted(model, now, buyers)
