"""Receivers of mail behind relays, for tests: each relay and domain answers as it is told just now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from tests.support.post import Office
from tests.support.shop import Shop
from worker.delivery.transport import Answer, Journal, Outcome, Outgoing
from worker.domain.answers import Stage
from worker.storage.database import Database

ORDER = "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]"
NEWS = "trigger: signup\nsteps: [{send: welcome}]"

Fault = tuple[Outcome, int | None, str, Stage]
DOWN: Fault = (Outcome.TEMPORARY, None, "cannot reach it: connection refused", Stage.CONNECT)
MUTE: Fault = (Outcome.TEMPORARY, None, "no answer within 20 s", Stage.RCPT)
SLOWED: Fault = (Outcome.TEMPORARY, 421, "4.7.28 Gmail has detected an unusual rate of mail", Stage.RCPT)
BUSY: Fault = (Outcome.TEMPORARY, 451, "4.3.2 System not accepting messages", Stage.RCPT)
UNSIGNED: Fault = (Outcome.TEMPORARY, 550, "5.7.26 This mail has been blocked, it is unauthenticated", Stage.DOT)
LOST: Fault = (Outcome.UNKNOWN, None, "no answer after the final dot", Stage.DOT)


class Receivers:
    """What stands behind the relays.

    Parameters:
        faults: answers by relay, by domain, or by both (`ses gmail.com`); what is not named takes all mail.
    """

    def __init__(self, **faults: Fault) -> None:
        self.faults: dict[str, Fault] = dict(faults)
        self.taken: list[tuple[str, str]] = []  # relay, recipient
        self.asked: list[tuple[str, str]] = []

    def relay(self, name: str) -> _Relay:
        """Return a transport by this relay."""
        return _Relay(name, self)

    def times(self) -> Counter[str]:
        """Return how often each recipient got a mail."""
        return Counter(recipient for _, recipient in self.taken)

    def to(self, domain: str) -> int:
        """Return how many mails were offered to a domain."""
        return sum(recipient.endswith("@" + domain) for _, recipient in self.asked)


class _Relay:
    """One relay's transport."""

    def __init__(self, name: str, behind: Receivers) -> None:
        self._name = name
        self._behind = behind

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        for mail in mails:
            domain = mail.recipient.rpartition("@")[2]
            fault = next(
                (
                    found
                    for key in (f"{self._name} {domain}", self._name, domain)
                    if (found := self._behind.faults.get(key)) is not None
                ),
                None,
            )
            self._behind.asked.append((self._name, mail.recipient))
            if fault is None or fault[0] is Outcome.UNKNOWN:
                journal.handing(mail.message)
            if fault is None:
                self._behind.taken.append((self._name, mail.recipient))
            answer = Answer(mail.message, *(fault or (Outcome.ACCEPTED, 250, "2.0.0 ok", Stage.DOT)))
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Close nothing."""


class Street:
    """A shop whose mail goes by such relays.

    Parameters:
        relays: names, in the order of `smtp_url`.
        sending: settings of the group.
    """

    def __init__(self, database: Database, folder: Path, *relays: str, **sending: object) -> None:
        names = relays or ("main",)
        url = "smtp://relay.example" if names == ("main",) else " ".join(f"{n}=smtp://{n}.example" for n in names)
        self.shop = Shop(database, smtp_url=url, sending=sending, policy={"quiet_hours": "none", "per_day": None})
        self.shop.publish(order=ORDER, news=NEWS)
        self.behind = Receivers()
        self.office = self.another_office(folder)
        self._orders = 0

    def another_office(self, folder: Path) -> Office:
        """Return another process's senders, for the same database."""
        office = Office(self.shop, folder)
        office.by_relay = self.behind.relay
        return office

    def order(self, *addresses: str) -> list[int]:
        """Have a confirmation written for each address."""
        return self._each("purchase", addresses)

    def news(self, *addresses: str) -> list[int]:
        """Have advertising written for each address."""
        return self._each("signup", addresses)

    def go_on(self, minutes: float, *offices: Office, every: float = 0.5) -> None:
        """Let time pass and send what is due, as the sweep does."""
        until = self.shop.now + timedelta(minutes=minutes)
        while self.shop.now < until:
            self.shop.now += timedelta(minutes=every)
            for office in offices or (self.office,):
                office.send()

    def states(self) -> Counter[str]:
        """Count the messages by state."""
        return Counter(row.state for row in self.shop.messages())

    def reasons(self) -> Counter[str]:
        """Count what waits by its reason."""
        return Counter(row.reason for row in self.shop.messages() if row.state == "queued")

    def _each(self, event: str, addresses: Sequence[str]) -> list[int]:
        written: list[int] = []
        for address in addresses:
            self._orders += 1
            consent = {"marketing": True, "tracking": True, "source": "checkout"}
            person = {"id": address, "email": address, "name": "Lan", "consent": consent}
            if event == "purchase":
                written += self.shop.buy(f"A{self._orders}", customer=person).messages
            else:
                written += self.shop.send(event, person).messages
        return written


def people(count: int, domain: str) -> list[str]:
    """Return addresses of a domain."""
    return [f"lan{number}@{domain}" for number in range(count)]
