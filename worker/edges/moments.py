"""Times, amounts and shares as a person at a terminal reads them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from worker.domain.setting_groups import Shop

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(at: datetime, shop: Shop, zone: str | None = None) -> str:
    """Return a time in the shop's zone (or another): `Mon 1 Mar 2027 14:00`; independent of the machine's language."""
    local = at.astimezone(ZoneInfo(zone or shop.timezone))
    return f"{day(local)} {local:%H:%M}"


def day(local: datetime) -> str:
    """Return a day: `Mon 1 Mar 2027`."""
    return f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"


def counted(count: int, name: str) -> str:
    """Return a count with what is counted: `1 goal`, `1,200 goals`."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def share(part: float | None) -> str:
    """Return a share as a percentage: `25.0 %`, or a dash where there is none."""
    return "–" if part is None else f"{part * 100:.1f} %"


def amount(value: Decimal, currency: str) -> str:
    """Return an amount with its currency: `450,000 VND`."""
    return f"{value:,.0f} {currency}" if value == value.to_integral_value() else f"{value:,.2f} {currency}"
