"""What the settings say of relays, shares and rates, made once for all senders of a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from worker.domain.calendars.walls import MIDNIGHT, on_the_wall
from worker.domain.errors import SettingError
from worker.domain.messages import Kind
from worker.domain.rates import Rate, parse_rate
from worker.domain.relays import Route, named_urls, route_fault
from worker.domain.setting_relays import ANY_DOMAIN, routes
from worker.domain.settings import Settings

OUTBOX = "outbox"  # in place of a relay, where mail is captured


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """How mails are shared out.

    Parameters:
        guarded: whether breakers, rates and warm-up hold; a captured mail knows none of them.
        rates: by receiver, for all relays together; `any_rate` is each other receiver's.
        zone: the shop's, in which days begin.
    """

    routes: tuple[Route, ...]
    guarded: bool
    rates: Mapping[str, Rate]
    any_rate: Rate | None
    zone: ZoneInfo

    @classmethod
    def of(cls, settings: Settings) -> TrafficPlan:
        """Read the settings.

        Raises:
            SettingError: the relays of `smtp_url` and those of `sending.relays` do not fit together.
        """
        sending, zone = settings.sending, ZoneInfo(settings.shop.timezone)
        if settings.smtp_url is None:
            return cls((Route(OUTBOX),), False, {}, None, zone)
        names = list(named_urls(settings.smtp_url))
        found = routes(names, sending.relays, sending.warm_up)
        fault = route_fault(names, [relay.name for relay in sending.relays], found)
        if fault is not None:
            raise SettingError(f"Setting 'sending.relays' cannot be used: {fault}")
        rates = {domain: parse_rate(rate) for domain, rate in sending.rates.items()}
        any_rate = rates.pop(ANY_DOMAIN, None)
        return cls(found, True, rates, any_rate, zone)

    def of_kind(self, kind: Kind) -> list[Route]:
        """Return the relays for mails of this kind."""
        return [route for route in self.routes if kind in route.kinds]

    def rate_keys(self, relay: Route, domain: str) -> dict[str, Rate]:
        """Return the rates that a mail to this receiver by this relay keeps, by the key of each."""
        rate = self.rates.get(domain, self.any_rate)
        found = {} if rate is None else {domain_key(domain): rate}
        if relay.rate is not None:
            found[f"relay:{relay.name}"] = relay.rate
        return found

    @property
    def limited(self) -> bool:
        """Whether any rate is kept."""
        return bool(self.rates) or self.any_rate is not None or any(route.rate for route in self.routes)

    def day(self, now: datetime) -> date:
        """Return the shop's day."""
        return now.astimezone(self.zone).date()

    def tomorrow(self, now: datetime) -> datetime:
        """Return when the shop's next day begins."""
        return on_the_wall(self.day(now) + timedelta(days=1), MIDNIGHT, self.zone)

    def warming(self, now: datetime) -> dict[str, tuple[str, int]]:
        """Return for each relay that is being warmed up the key of its day, and how many mails may go on it."""
        day = self.day(now)
        limits = ((route.name, route.warm_up.on(day)) for route in self.routes if route.warm_up is not None)
        return {name: (f"day:{name}:{day}", limit) for name, limit in limits if limit is not None}


def domain_key(domain: str) -> str:
    """Return the key of a receiver's rate."""
    return f"domain:{domain}"
