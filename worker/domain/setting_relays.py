"""Settings of relays: their shares, at what rates mail goes out, and how a new one is warmed up."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from worker.domain.messages import Kind
from worker.domain.rates import WarmUp, parse_rate
from worker.domain.receivers import receiver_of
from worker.domain.relays import Route
from worker.domain.setting_groups import Group

ANY_DOMAIN = "*"


def _rate(value: str) -> str:
    return str(parse_rate(value))


def _rates(value: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for domain, rate in value.items():
        if domain != ANY_DOMAIN and ("@" in domain or "." not in domain or domain.startswith("*")):
            raise ValueError(
                f"'{domain[:60]}' is no domain of mail; write one such as gmail.com, or \"*\" for any other"
            )
        name = domain if domain == ANY_DOMAIN else receiver_of(domain)
        if name in found:
            raise ValueError(f"'{domain}' is the same receiver as another line ({name}); write one of them")
        found[name] = rate
    return found


RateText = Annotated[str, AfterValidator(_rate)]
Rates = Annotated[dict[str, RateText], AfterValidator(_rates)]


class WarmUpSetting(Group):
    """How many mails a relay may send a day while it is new."""

    start: date = Field(description="The first day, in the shop's zone; before it nothing is held back")
    first_day: int = Field(500, ge=1, description="Mails on the first day")
    growth: float = Field(1.5, gt=1, le=10, description="By what factor each day's figure grows")
    enough: int = Field(100_000, ge=1, description="The day's figure from which on nothing is held back any more")

    @property
    def warm_up(self) -> WarmUp:
        """The same as sending reads it."""
        return WarmUp(self.start, self.first_day, self.growth, self.enough)


class RelaySetting(Group):
    """One of several relays; its URL, a secret, stands in PHIN_SMTP_URL by its name."""

    name: str = Field(pattern="^[a-z][a-z0-9-]{0,39}$", description="As in PHIN_SMTP_URL: `name=smtp://…`")
    weight: int = Field(1, ge=1, le=1000, description="Its share of the mails, beside the others' weights")
    for_: Literal["all", "marketing", "transactional"] = Field("all", alias="for", description="Which mails go by it")
    rate: RateText | None = Field(None, description="As many mails as it takes, such as 14/second")
    warm_up: WarmUpSetting | None = Field(None, description="Its own warm-up, in place of `sending.warm_up`")


def routes(names: list[str], relays: tuple[RelaySetting, ...], warm_up: WarmUpSetting | None) -> tuple[Route, ...]:
    """Return the relays that have a URL as mails are shared out to them."""
    told = {relay.name: relay for relay in relays}
    found = []
    for name in names:
        one = told.get(name) or RelaySetting(name=name)
        kinds = frozenset(Kind) if one.for_ == "all" else frozenset({Kind(one.for_)})
        warming = one.warm_up or warm_up
        rate = None if one.rate is None else parse_rate(one.rate)
        found.append(Route(name, one.weight, kinds, rate, None if warming is None else warming.warm_up))
    return tuple(found)
