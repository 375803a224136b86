"""The case that is played: The Coffee's figures for a month, and the time in which they happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OFFER_DAY, OFFER_TIME = 5, time(9, 0)  # of the month; flows/arabica-offer.yaml says the same
A_MONTH = 28  # days from which a play is a month, with the offer in it
FOLLOWED = timedelta(minutes=10)  # that are needed between the offer and the end, to open and to order
FEWEST_DAYS, FEWEST_CUSTOMERS = 2, 40


@dataclass(frozen=True, slots=True)
class Case:
    """How much of everything there is; the defaults are the figures of the case.

    Parameters:
        customers: registered at the end; `buyers` of them have bought.
        newcomers: of the customers, those who sign up during the month.
        orders: of the month; `packing` of them are being packed at its end.
        audience: customers whom the Arabica offer goes to; `earlier` of them have bought Arabica before, `openers` open
            it, `takers` order Arabica then.
        requests: of the last week; `solved` within 48 hours; for `reminded` of them the staff are reminded.
    """

    customers: int = 1_000
    buyers: int = 500
    newcomers: int = 40
    orders: int = 200
    packing: int = 10
    audience: int = 200
    earlier: int = 50
    openers: int = 50
    takers: int = 5
    requests: int = 15
    solved: int = 10
    reminded: int = 10

    @classmethod
    def of(cls, customers: int = 1_000, days: int = 30) -> Case:
        """Return the case for so many customers and days, each figure in proportion and none of them nothing."""
        whole = cls()
        if customers == whole.customers and days >= A_MONTH:
            return whole

        def part(figure: int, least: int) -> int:
            return max(least, round(figure * customers / whole.customers))

        packing, openers, requests = part(whole.packing, 1), part(whole.openers, 2), part(whole.requests, 3)
        orders = round(whole.orders * customers / whole.customers * min(1.0, days / 30))
        return cls(
            customers=customers,
            buyers=customers // 2,
            newcomers=part(whole.newcomers, 2),
            orders=max(packing + 5, orders),
            packing=packing,
            audience=part(whole.audience, 8),
            earlier=part(whole.earlier, 3),
            openers=openers,
            takers=max(1, round(openers / 10)),
            requests=requests,
            solved=max(1, round(requests * 2 / 3)),
            reminded=max(1, round(requests * 2 / 3)),
        )


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is played, in the shop's zone.

    Parameters:
        offer_at: when the Arabica offer goes out; None where that lies outside.
    """

    begin: datetime
    end: datetime
    offer_at: datetime | None

    @classmethod
    def until(cls, end: datetime, days: int) -> Window:
        """Return the window of so many days that ends then; a month is moved a little to hold the offer just once."""
        end = end.astimezone(ZONE)
        begin = _midnight(end - timedelta(days=days))
        if days < A_MONTH:
            followed = [turn for turn in _turns(begin, end) if end - turn >= FOLLOWED]
            return cls(begin, end, followed[-1] if followed else None)
        turns = _turns(begin - timedelta(days=10), end)
        if end - turns[-1] < FOLLOWED:  # too fresh to be followed, but it goes out all the same
            return cls(_midnight(turns[-1] - timedelta(days=27)), end, turns[-1])
        inside = [turn for turn in turns if turn > begin]
        if not inside:
            begin = _midnight(turns[-1] - timedelta(days=1))
        elif len(inside) > 1:
            begin = _midnight(inside[0] + timedelta(days=1))
        return cls(begin, end, turns[-1])

    @property
    def days(self) -> int:
        """Days that are begun."""
        return (self.end.date() - self.begin.date()).days + 1


def _turns(begin: datetime, end: datetime) -> list[datetime]:
    """Return the moments between the two at which the offer goes out."""
    found = []
    day = begin.date()
    while day <= end.date():
        if day.day == OFFER_DAY:
            turn = datetime.combine(day, OFFER_TIME, ZONE)
            if begin < turn < end:
                found.append(turn)
        day += timedelta(days=1)
    return found


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), ZONE)
