"""How customers read their mail: who looks, when, with which program, and what machines do before them.

A decision is a function of the seed, the reader and the mail, so the same play has the same readers, however quick the
machine is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from demo.letters import Letter
from demo.people import Mailbox, Person
from demo.script import Script

OFFER = "arabica-offer"
EVERY = 10  # minutes; hits within them are asked for together
OPENED, CLICKED = 0.58, 0.16  # of transactional mails, by those who agreed to be followed
MARKETING_OPENED, MARKETING_CLICKED = 0.27, 0.05

GOOGLE = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
APPLE = "Mozilla/5.0"  # Mail Privacy Protection says no more
SCANNER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0 BarracudaCentral"
)
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
PHONES = (
    f"Mozilla/5.0 (Linux; Android 14; SM-A546E) {_WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 13; V2166) {_WEBKIT} Version/4.0 Chrome/124.0.0.0 Mobile Safari/537.36 "
    "Zalo android/24100700 ZaloTheme/light ZaloLanguage/vi",
    f"Mozilla/5.0 (Linux; Android 14; CPH2599) {_WEBKIT} SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
)
DESKS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} coc_coc_browser/118.0.0 Chrome/112.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Safari/605.1.15",
)


class Deed(StrEnum):
    """What a reader's program asks for."""

    OPEN = "open"
    CLICK = "click"
    REFUSE = "refuse"  # the one click of the mail program's own button (RFC 8058)


@dataclass(frozen=True, slots=True)
class Reaction:
    """One request that follows from a mail, by a path of Phin's address."""

    at: datetime
    deed: Deed
    path: str
    user_agent: str
    person: str


class Readers:
    """All customers with their mailboxes."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._people = {person.email: person for person in script.people}
        self._had: Counter[tuple[str, str]] = Counter()
        self._refused: set[str] = set()
        self._codes: dict[str, str] = {}

    def receive(self, letter: Letter) -> list[Reaction]:
        """Return what a mail brings about, the earliest first; nothing for mail to somebody who is no customer."""
        person = self._people.get(letter.to)
        if person is None:
            return []
        self._had[person.id, letter.flow] += 1
        if letter.flow == OFFER and letter.code is not None:
            self._codes[person.id] = letter.code
        rng = Random(f"{self._script.seed}:{person.id}:{letter.flow}:{self._had[person.id, letter.flow]}")
        found = [*_machines(rng, person, letter), *self._person(rng, person, letter)]
        return sorted(found, key=lambda reaction: reaction.at)

    def code_of(self, person: str) -> str | None:
        """Return the code of the offer that somebody got, None where no mail with one came."""
        return self._codes.get(person)

    def _person(self, rng: Random, person: Person, letter: Letter) -> Iterator[Reaction]:
        opened_at = self._looks(rng, person, letter)
        if opened_at is None:
            return
        agent = _agent(rng, person)
        if letter.pixel is not None and person.mailbox is not Mailbox.APPLE:
            loaded = {Mailbox.GMAIL: GOOGLE, Mailbox.YAHOO: YAHOO}.get(person.mailbox, agent)
            yield Reaction(opened_at, Deed.OPEN, letter.pixel, loaded, person.id)
        offer = letter.flow == OFFER
        clicks = 0.5 if offer else _among_openers(letter)
        taking = offer and person.takes_offer
        if letter.links and (taking or rng.random() < clicks):
            link = letter.links[0] if rng.random() < 0.8 else rng.choice(letter.links)
            # the look and the click of one minute are seconds apart
            yield Reaction(opened_at + timedelta(seconds=rng.randint(8, 50)), Deed.CLICK, link, agent, person.id)
        if self._refuses(person, letter) and letter.refusal is not None:
            self._refused.add(person.id)
            yield Reaction(opened_at + timedelta(seconds=55), Deed.REFUSE, letter.refusal, agent, person.id)

    def _looks(self, rng: Random, person: Person, letter: Letter) -> datetime | None:
        """Return when the person looks at the mail, or None; of the offer the script knows."""
        if letter.flow == OFFER:
            moment = self._script.openings.get(person.id)
            return None if moment is None else max(moment, letter.sent_at + timedelta(seconds=20))
        likely = MARKETING_OPENED if letter.marketing else OPENED
        if rng.random() >= likely and not self._refuses(person, letter):
            return None
        delay = timedelta(minutes=min(rng.lognormvariate(4.2, 1.4) + 2, 60 * 40))
        return _awake(rng, letter.sent_at.astimezone(self._script.window.end.tzinfo) + delay)

    def _refuses(self, person: Person, letter: Letter) -> bool:
        since = self._script.refusals.get(person.id)
        return letter.marketing and since is not None and letter.sent_at >= since and person.id not in self._refused


def _machines(rng: Random, person: Person, letter: Letter) -> Iterator[Reaction]:
    """Yield what machines do with the mail, seen by nobody."""
    if person.mailbox is Mailbox.APPLE and letter.pixel is not None:
        yield Reaction(
            letter.sent_at + timedelta(minutes=rng.randint(1, 50)), Deed.OPEN, letter.pixel, APPLE, person.id
        )
    if person.mailbox is Mailbox.WORK and len(letter.links) > 1:
        for link in letter.links[:4]:
            yield Reaction(letter.sent_at, Deed.CLICK, link, SCANNER, person.id)


def _among_openers(letter: Letter) -> float:
    return MARKETING_CLICKED / MARKETING_OPENED if letter.marketing else CLICKED / OPENED


def _agent(rng: Random, person: Person) -> str:
    if person.mailbox is Mailbox.APPLE:
        return IPHONE
    mine = Random(person.id)  # a program of one's own, mail after mail
    return mine.choice(PHONES if person.on_phone or rng.random() < 0.1 else DESKS)


def _awake(rng: Random, moment: datetime) -> datetime:
    """Return the moment on the grid, in the morning where it is in the night."""
    if moment.hour >= 23 or moment.hour < 6:
        day = moment + timedelta(days=1) if moment.hour >= 23 else moment
        moment = day.replace(hour=rng.choice((6, 7, 7, 8)), minute=rng.randrange(0, 60, EVERY))
    up = timedelta(minutes=EVERY - moment.minute % EVERY)
    return (moment + up).replace(second=0, microsecond=0)
