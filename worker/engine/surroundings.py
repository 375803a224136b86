"""What every decision of the engine needs beside the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from worker.domain.attribution import USUAL, CreditRules
from worker.domain.chance import BY_HASH, Chance
from worker.domain.conditions.tree import Expression
from worker.domain.conditions.values import Reading
from worker.domain.customers import Customer
from worker.domain.event_check import EventRules
from worker.domain.facts import ShopFacts
from worker.domain.settings import Settings
from worker.domain.staff import StaffOf, nobody
from worker.domain.zones import zone_of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every decision needs beside the facts.

    Parameters:
        reading: how conditions are read.
        staff: returns the staff as it is now.
        chance: says what falls to whom, of splits and holdouts.
        rules: of the events that steps report.
        crediting: what purchases are credited by.
    """

    reading: Reading
    shop: ShopFacts
    rules: EventRules
    staff: StaffOf = nobody
    chance: Chance = BY_HASH
    crediting: CreditRules = USUAL

    @classmethod
    def of(
        cls,
        settings: Settings,
        segments: Mapping[str, Expression] | None = None,
        staff: StaffOf = nobody,
        chance: Chance = BY_HASH,
    ) -> Surroundings:
        """Return the surroundings that the settings describe, with the flow book's segments."""
        shop = settings.shop
        facts = ShopFacts(shop.name, shop.timezone, shop.language, shop.currency, rfm=settings.rfm.limits)
        known: Mapping[str, Expression] = {} if segments is None else segments  # one that is empty now may fill
        return cls(
            Reading(known, settings.fields), facts, EventRules.of(settings), staff, chance, settings.attribution.rules
        )

    def zone_of(self, customer: Customer) -> ZoneInfo:
        """Return the customer's time zone, or the shop's where none is known."""
        return zone_of(customer.timezone, self.shop.timezone)
