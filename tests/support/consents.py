"""Words about consent, said in a test as any part of Phin says them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.consents import Word
from worker.domain.customers import Purpose
from worker.storage import consent
from worker.storage.consent import Kept, Told

LAN = "lan@example.com"


def say(
    connection: Connection,
    yes: bool,
    at: datetime,
    *,
    email: str = LAN,
    purpose: Purpose = Purpose.MARKETING,
    anew: bool = False,
    confirmed: bool = True,
    told: Told | None = None,
    **how: Any,
) -> Kept:
    """Say yes or no for an address."""
    holds = consent.hold(connection, email)[purpose]
    said = Word(yes, at, anew)
    return consent.say(connection, email, purpose, said, told or Told("form", **how), holds, confirmed=confirmed)[0]
