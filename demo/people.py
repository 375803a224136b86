"""The customers: who they are, what they agreed to, how they read their mail, and which part they play."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random

from demo.case import Case, Window
from demo.catalogue import ARABICA, TASTES
from demo.names import foreign_name, plain, vietnamese_name
from demo.places import address


class Mailbox(StrEnum):
    """Where somebody's mail is kept; its provider decides what a mail's pictures and links meet first."""

    GMAIL = "gmail.example"  # pictures come through Google's proxy
    APPLE = "icloud.example"  # every picture is loaded by Apple, read or not
    YAHOO = "yahoo.example"  # pictures come through Yahoo's proxy
    OUTLOOK = "outlook.example"
    WORK = "vanphong.example"  # a scanner tries every link before anybody sees the mail
    OTHER = "hopthu.example"


class Part(StrEnum):
    """What part a customer plays in the Arabica offer."""

    OUTSIDE = "outside"  # the offer is not for them
    EARLIER = "earlier"  # has bought Arabica before
    FANCIES = "fancies"  # names Arabica as the favourite, and has not bought it


MAILBOXES = {
    Mailbox.GMAIL: 46,
    Mailbox.APPLE: 16,
    Mailbox.YAHOO: 6,
    Mailbox.OUTLOOK: 10,
    Mailbox.WORK: 8,
    Mailbox.OTHER: 14,
}
WORDING = {
    "vi": "Tôi đồng ý nhận tin khuyến mãi của The Coffee qua e-mail, tối đa hai thư mỗi tuần; tôi có thể từ chối "
    "bất kỳ lúc nào.",
    "en": "I agree to receive offers of The Coffee by e-mail, at most two a week, and may refuse at any time.",
}
_PREFIXES = ("090", "091", "093", "096", "097", "098", "032", "034", "070", "076", "079", "081", "085", "038")


@dataclass(frozen=True, slots=True)
class Person:
    """One customer.

    Parameters:
        marketing, tracking: what was agreed to; None where it was never asked.
        signed_up_at: before the month for those that are imported, in it for newcomers.
        on_phone: whether mail is read on a phone rather than at a desk.
        opens_offer, takes_offer: whether the Arabica offer is opened, and then taken.
    """

    id: str
    name: str
    first_name: str
    email: str
    phone: str
    birthday: date | None
    language: str
    address: Mapping[str, str]
    favourite: str | None
    marketing: bool | None
    tracking: bool | None
    signed_up_at: datetime
    mailbox: Mailbox
    on_phone: bool
    part: Part
    buyer: bool = False
    newcomer: bool = False
    opens_offer: bool = False
    takes_offer: bool = False
    consent: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who plays what, by place in the list of customers."""

    newcomers: frozenset[int]
    buyers: frozenset[int]
    earlier: frozenset[int]
    fancies: frozenset[int]
    openers: frozenset[int]
    takers: frozenset[int]


def people(seed: int, case: Case, window: Window) -> tuple[Person, ...]:
    """Return the customers, the same for the same seed; newcomers last."""
    rng = Random(f"{seed}:people")
    cast = _cast(rng, case)
    addresses: set[str] = set()
    return tuple(_person(rng, number, cast, window, addresses) for number in range(case.customers))


def _cast(rng: Random, case: Case) -> _Cast:
    newcomers = range(case.customers - case.newcomers, case.customers)
    known = list(range(case.customers - case.newcomers))
    rng.shuffle(known)
    audience, others = known[: case.audience], known[case.audience :]
    earlier, fancies = audience[: case.earlier], audience[case.earlier :]
    # one in four of those who only fancy it buys other coffee; the rest of the buyers stand outside
    also = fancies[: len(fancies) // 4]
    buyers = [*earlier, *also, *others[: case.buyers - len(earlier) - len(also)]]
    takers = rng.sample([*earlier, *also], case.takers)
    may_open = [number for number in audience if number not in takers]
    openers = [*takers, *rng.sample(may_open, case.openers - case.takers)]
    return _Cast(*(frozenset(of) for of in (newcomers, buyers, earlier, fancies, openers, takers)))


def _person(rng: Random, number: int, cast: _Cast, window: Window, addresses: set[str]) -> Person:
    foreign = rng.random() < 0.03
    name, first_name = foreign_name(rng) if foreign else vietnamese_name(rng)
    language = "en" if foreign or rng.random() < 0.02 else "vi"
    part = Part.EARLIER if number in cast.earlier else Part.FANCIES if number in cast.fancies else Part.OUTSIDE
    newcomer, buyer, opener = number in cast.newcomers, number in cast.buyers, number in cast.openers
    mailbox = rng.choices(list(MAILBOXES), list(MAILBOXES.values()))[0]
    if opener and mailbox is Mailbox.APPLE:
        mailbox = Mailbox.GMAIL  # Apple loads every picture: nobody could tell that this one was looked at
    marketing, tracking = _agreed(rng, part, newcomer, opener)
    signed_up_at = _signed_up(rng, window, newcomer, buyer)
    return Person(
        id=f"KH{number + 1:04d}",
        name=name,
        first_name=first_name,
        email=_address(rng, name, mailbox, addresses),
        phone=f"{rng.choice(_PREFIXES)}{rng.randint(0, 9)}000{rng.randint(0, 999):03d}",
        birthday=_birthday(rng) if rng.random() < 0.82 else None,
        language=language,
        address=address(rng),
        favourite=_favourite(rng, part),
        marketing=marketing,
        tracking=tracking,
        signed_up_at=signed_up_at,
        mailbox=mailbox,
        on_phone=rng.random() < 0.68,
        part=part,
        buyer=buyer,
        newcomer=newcomer,
        opens_offer=opener,
        takes_offer=number in cast.takers,
        consent=_consent(marketing, tracking, language, signed_up_at, newcomer),
    )


def _agreed(rng: Random, part: Part, newcomer: bool, opener: bool) -> tuple[bool | None, bool | None]:
    """Return what was said to marketing and to tracking, in the shares that shops see."""
    if part is not Part.OUTSIDE:
        return True, opener or rng.random() < 0.85
    if newcomer:
        marketing: bool | None = rng.random() < 0.8
    else:
        marketing = rng.choices((True, False, None), (60, 22, 18))[0]
    if marketing is None:
        return None, None
    return marketing, rng.random() < (0.8 if marketing else 0.3)


def _consent(
    marketing: bool | None, tracking: bool | None, language: str, at: datetime, newcomer: bool
) -> dict[str, object]:
    if marketing is None:
        return {}
    source = "form đăng ký" if newcomer else "trang thanh toán"
    return {"marketing": marketing, "tracking": bool(tracking), "source": source, "wording": WORDING[language]} | (
        {} if newcomer else {"at": at.isoformat()}
    )


def _favourite(rng: Random, part: Part) -> str | None:
    if part is Part.FANCIES:
        return ARABICA
    if part is Part.EARLIER:
        return ARABICA if rng.random() < 0.8 else None
    return rng.choice(TASTES) if rng.random() < 0.5 else None


def _address(rng: Random, name: str, mailbox: Mailbox, taken: set[str]) -> str:
    local = plain(name)
    while True:
        number = str(rng.randint(1, 99)) if rng.random() < 0.7 or f"{local}@{mailbox}" in taken else ""
        found = f"{local}{number}@{mailbox.value}"
        if found not in taken:
            taken.add(found)
            return found
        local = f"{local}{rng.randint(0, 9)}"


def _birthday(rng: Random) -> date:
    year = min(2007, max(1952, round(rng.gauss(1991, 9))))
    month = rng.randint(1, 12)
    return date(year, month, rng.randint(1, calendar.monthrange(year, month)[1]))


def _signed_up(rng: Random, window: Window, newcomer: bool, buyer: bool) -> datetime:
    if newcomer:
        first, last = window.begin + timedelta(hours=9), window.end - timedelta(hours=3)
        moment = first + (last - first) * rng.random()
        return moment.replace(second=0, microsecond=0)
    days = rng.uniform(75 if buyer else 3, 800)
    return (window.begin - timedelta(days=days)).replace(hour=rng.randint(7, 22), second=0, microsecond=0)
