"""Traffic: by which relay a mail goes, and whether it may go now: breakers, rates, warm-up.

Asked twice a batch: before mails are made, so that what has to wait costs no rendering, and again in the transaction
that marks a group, where probes and turns are taken so that no two senders take the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.delivery.preparing import Loaded, NotMade, Prepared
from worker.delivery.settling import Aftermath
from worker.delivery.staff_mails import ForStaff
from worker.delivery.struck import Struck
from worker.delivery.traffic_plan import TrafficPlan, domain_key
from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Reach, class_answer
from worker.domain.breakers import PROBE_WITHIN, WAITS, Breaker, probed
from worker.domain.light import light
from worker.domain.messages import Kind, MessageState
from worker.domain.rates import FURTHEST, Turnstile, is_long, spread
from worker.domain.receivers import receiver_of
from worker.domain.relays import Route, Turns
from worker.storage import relays
from worker.storage.claims import Claimed
from worker.storage.ledger import Settlement

RATE = "rate: "  # how the reason of a mail begins that waits for its turn


@light
@dataclass(frozen=True, slots=True)
class _Mail:
    """A claimed mail as traffic sees it."""

    message: Claimed
    domain: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """What may go of a group.

    Parameters:
        stays: what waits; `again` of it may be taken at once, by another relay.
    """

    going: list[Prepared]
    stays: tuple[Settlement, ...] = ()
    again: tuple[int, ...] = ()


class Traffic:
    """One sender's view of the traffic; for one thread.

    Parameters:
        shares: of each kind, mails that go the same way, one after the other.
    """

    def __init__(self, plan: TrafficPlan, shares: Mapping[Kind, int]) -> None:
        self._plan = plan
        self._shares = shares
        self._turns: dict[Kind, Turns] = {}
        self._routes = {route.name: route for route in plan.routes}
        self._of_kind = {kind: plan.of_kind(kind) for kind in Kind}
        self.struck = Struck()
        self._by: dict[int, str] = {}
        self._mails: dict[int, _Mail] = {}
        self._probes: dict[int, list[Breaker]] = {}
        self._full: set[str] = set()

    def relay_of(self, message: int) -> str:
        """Return by which relay a mail of this batch goes."""
        return self._by.get(message, self._plan.routes[0].name)

    def route(
        self, connection: Connection, loaded: Iterable[Loaded | ForStaff | NotMade], now: datetime
    ) -> tuple[list[Loaded | ForStaff | NotMade], list[Aftermath]]:
        """Share the mails of a batch out; returns those that go on, and what becomes of those that wait."""
        whole = list(loaded)
        if not self._plan.guarded:
            return whole, []
        self._mails = {
            one.message.id: _Mail(one.message, receiver_of(address))
            for one in whole
            if not isinstance(one, NotMade) and (address := _address(one)) is not None
        }
        self._by, self._probes = {}, {}
        self.struck.look(connection, {mail.domain for mail in self._mails.values()})
        self._full = self._full_today(connection, now)
        long = self._long_lines(connection, now)
        if self.struck.any:
            self._choose_probes(now)
        waiting: dict[int, Aftermath] = {}
        shared: dict[Kind, tuple[int, Route]] = {}  # how many went by which relay since its turn came
        for number, mail in self._mails.items():
            if number in self._by:
                continue
            kind = mail.message.kind
            if kind is Kind.MARKETING and mail.domain in long and not _has_waited(mail.message):
                at = now + FURTHEST + spread(number, FURTHEST)
                waiting[number] = Aftermath(_waits(number, f"{RATE}{mail.domain}", at, now))
                continue
            usable = self._usable(mail)
            if not usable:
                waiting[number] = Aftermath(self._held(mail, now))
                continue
            before = mail.message.relay
            if before is not None and self._routes.get(before) in usable:
                self._by[number] = before
                continue
            count, by = shared.get(kind, (0, usable[0]))
            if count in (0, self._shares[kind]) or by not in usable:
                count, by = 0, self._turns.setdefault(kind, Turns(number)).choose(usable)
            shared[kind] = count + 1, by
            self._by[number] = by.name
        going = [one for one in whole if isinstance(one, NotMade) or one.message.id not in waiting]
        return going, list(waiting.values())

    def admit(self, connection: Connection, relay: str, group: Sequence[Prepared], now: datetime) -> Admitted:
        """Let those of a group through that may go now, and count them; the others wait.

        Raises:
            DBAPIError: the database failed.
        """
        if not self._plan.guarded or not group:
            return Admitted(list(group))
        going: list[Prepared] = []
        stays: list[Settlement] = []
        again: list[int] = []
        for one in group:
            mail = self._mails.get(one.loaded.message.id)
            if mail is None or self._passes(connection, relay, mail, now):
                going.append(one)
            elif self._usable(mail):
                again.append(mail.message.id)
                stays.append(_waits(mail.message.id, f"not by {relay} now", now, now))
            else:
                stays.append(self._held(mail, now))
        warming = self._plan.warming(now).get(relay)
        if not self._plan.limited and warming is None:
            return Admitted(going, tuple(stays), tuple(again))
        counted = self._count(connection, relay, going, warming, now)
        return Admitted(counted.going, (*stays, *counted.stays), (*again, *counted.again))

    def note(self, relay: str, answer: Answer, now: datetime) -> None:
        """Learn from an answer."""
        mail = self._mails.get(answer.message)
        if mail is not None:
            self.struck.note(relay, mail.domain, answer, now)

    def another_takes(self, relay: str, answer: Answer) -> bool:
        """Say whether another relay may take a mail at once that this one, as a whole, surely did not take."""
        mail = self._mails.get(answer.message)
        if mail is None or answer.outcome is not Outcome.TEMPORARY or len(self._routes) == 1:
            return False
        whole = class_answer(answer.code, answer.text, answer.stage).reach is Reach.RELAY
        return whole and self.struck.stopping(relay, mail.domain) is not None and bool(self._usable(mail))

    def _usable(self, mail: _Mail) -> list[Route]:
        """Return the relays that take a mail now, the one whose breaker wants a probe not among them."""
        marketing = mail.message.kind is Kind.MARKETING
        found = self._of_kind[mail.message.kind]
        if self._full and marketing:
            found = [route for route in found if route.name not in self._full]
        if self.struck.any:
            found = [route for route in found if self.struck.stopping(route.name, mail.domain) is None]
        return found

    def _passes(self, connection: Connection, relay: str, mail: _Mail, now: datetime) -> bool:
        """Say whether no breaker stops a mail; takes the probe that it was chosen for."""
        number = mail.message.id
        for breaker in self._probes.get(number, ()):
            if not relays.claim_probe(connection, breaker.key, number, now, now + PROBE_WITHIN):
                self.struck.put(probed(breaker, 0, now))  # another sender was quicker
                return False
            self.struck.put(probed(breaker, number, now))
        stopping = self.struck.stopping(relay, mail.domain)
        return stopping is None or stopping.message == number

    def _choose_probes(self, now: datetime) -> None:
        """For each breaker whose time is over choose one mail of the batch.

        Where mail was only put off, one that was tried before does best (greylisting); else another than last time, so
        that one bad mail does not keep a domain shut.
        """
        for breaker in self.struck.due(now):
            relay, domain = breaker.key.relay, breaker.key.domain
            if relay not in self._routes:
                continue
            delayed = breaker.code is None or breaker.code < 500
            found = [
                mail
                for mail in self._mails.values()
                if self._routes[relay] in self._of_kind[mail.message.kind]
                and domain in ("", mail.domain)
                and mail.message.id not in self._by
                and not (relay in self._full and mail.message.kind is Kind.MARKETING)
                and not any(one.stops(now) for one in self.struck.of(relay, mail.domain))
            ]
            if not found:
                continue
            best = min(
                found,
                key=lambda mail: (
                    delayed and mail.message.attempts <= 1,
                    mail.message.id == breaker.message,
                    mail.message.id,
                ),
            )
            due = [one for one in self.struck.of(relay, best.domain) if one.wants_probe(now)]
            self._by[best.message.id] = relay
            self._probes[best.message.id] = due

    def _held(self, mail: _Mail, now: datetime) -> Settlement:
        """Have a mail wait that no relay takes now."""
        number = mail.message.id
        stops = [
            stopping
            for route in self._of_kind[mail.message.kind]
            if (stopping := self.struck.stopping(route.name, mail.domain)) is not None
        ]
        if not stops:
            full = ", ".join(sorted(self._full))
            return _waits(number, f"warm-up: {full}", self._plan.tomorrow(now), now)
        first = min(stops, key=lambda one: one.passes_from(number, now))
        at = first.passes_from(number, now)
        return _waits(number, f"{WAITS}{first.key}", at, now, first.code, first.answer)

    def _full_today(self, connection: Connection, now: datetime) -> set[str]:
        """Return the relays that have sent their day's mails of warm-up."""
        warming = self._plan.warming(now)
        if not warming:
            return set()
        seen = relays.progress(connection, [key for key, _ in warming.values()])
        return {name for name, (key, limit) in warming.items() if key in seen and seen[key].taken >= limit}

    def _long_lines(self, connection: Connection, now: datetime) -> set[str]:
        """Return the receivers whose line is so long that nobody need be made for it now."""
        if not self._plan.limited:
            return set()
        domains = {mail.domain for mail in self._mails.values() if mail.message.kind is Kind.MARKETING}
        seen = relays.progress(connection, [domain_key(domain) for domain in domains])
        return {domain for domain in domains if (one := seen.get(domain_key(domain))) and is_long(one.progress, now)}

    def _count(
        self,
        connection: Connection,
        relay: str,
        group: Sequence[Prepared],
        warming: tuple[str, int] | None,
        now: datetime,
    ) -> Admitted:
        """Take a turn at each rate for each mail; transactional mails wait for none."""
        route = self._routes[relay]
        rates = {
            number: self._plan.rate_keys(route, self._mails[number].domain)
            for one in group
            if (number := one.loaded.message.id) in self._mails
        }
        every = {key: rate for keys in rates.values() for key, rate in keys.items()}
        held = relays.hold_progress(connection, [*every, *([warming[0]] if warming else [])], now)
        stiles = {key: Turnstile(held[key].progress, rate, now) for key, rate in every.items()}
        left = None if warming is None else max(0, warming[1] - held[warming[0]].taken)
        going: list[Prepared] = []
        stays: list[Settlement] = []
        again: list[int] = []
        for one in group:
            message = one.loaded.message
            number, first = message.id, message.kind is Kind.TRANSACTIONAL
            keys = rates.get(number, {})
            queued = _has_waited(message)
            narrow = [] if first else [key for key in keys if not stiles[key].has_room(queued=queued)]
            if left is not None and left <= len(going) and not first:
                self._full.add(relay)
                elsewhere = bool(self._usable(self._mails[number]))
                again += [number] if elsewhere else []
                at = now if elsewhere else self._plan.tomorrow(now)
                stays.append(_waits(number, f"warm-up: {relay}", at, now))
            elif narrow:
                at = max(stiles[key].place(number) for key in narrow)
                stays.append(_waits(number, RATE + narrow[0].partition(":")[2], at, now))
            else:
                going.append(one)
                for key in keys:
                    stiles[key].take()
        steps = {key: (stile.progress, 0) for key, stile in stiles.items()}
        if warming is not None:
            steps[warming[0]] = (held[warming[0]].progress, len(going))
        relays.go_on(connection, steps)
        return Admitted(going, tuple(stays), tuple(again))


def _has_waited(message: Claimed) -> bool:
    return message.reason is not None and message.reason.startswith(RATE)


def _waits(
    message: int, reason: str, at: datetime, now: datetime, code: int | None = None, answer: str | None = None
) -> Settlement:
    return Settlement(message, MessageState.QUEUED, now, reason, code, answer, not_before=max(at, now), forgive=True)


def _address(one: Loaded | ForStaff) -> str | None:
    if isinstance(one, ForStaff):
        return None if one.person is None else one.person.email
    return one.message.to or one.facts.customer.email
