"""Breakers: what refuses our mail for a reason that holds for other mails too is left alone for a while.

A breaker belongs to a relay and a domain, or to a relay as a whole. It opens after one answer that surely holds for
others, or after several doubtful ones in a row. When its time is over, one mail is let through as a probe: if that is
taken, it closes; if not, it opens again for twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.rates import spread

NOT_TAKEN = "the relay did not take it"  # why a mail waits whose answer holds for all that goes by its relay
WAITS = "breaker: "  # begins why a mail waits that was not tried
WHOLE_RELAY = ""  # in place of a domain
RELAY_AS_A_WHOLE = "relay "  # no domain's name has a space
IN_A_ROW = 3  # refusals (5xx) about ourselves that are doubtful each
DELAYS_IN_A_ROW = 5  # temporary answers about a server
MUTE_IN_A_ROW = 3  # mails to which a relay said no word at recipient or content; one may be that mail's own fault
FORGOTTEN_AFTER = timedelta(hours=1)  # what is counted is forgotten when nothing was added for so long
PROBE_TAKES = timedelta(seconds=10)  # after which one looks what became of a probe
PROBE_WITHIN = timedelta(minutes=3)  # so long a probe may be under way; a relay's time-outs are shorter
_DOMAIN_REST = (timedelta(minutes=5), timedelta(hours=1))  # at first, and at most
_RELAY_REST = (timedelta(seconds=30), timedelta(minutes=5))


@dataclass(frozen=True, slots=True)
class Key:
    """What a breaker is for; `domain` is empty for the relay as a whole."""

    relay: str
    domain: str = WHOLE_RELAY

    def __str__(self) -> str:
        return f"{self.domain} by {self.relay}" if self.domain else f"{RELAY_AS_A_WHOLE}{self.relay}"


class BreakerState(StrEnum):
    """Whether mail passes."""

    CLOSED = "closed"  # it does; refusals are being counted
    OPEN = "open"  # none before its time
    PROBING = "probing"  # one mail is under way


@dataclass(frozen=True, slots=True)
class Strike:
    """An answer that holds, surely or perhaps, for other mails too.

    Parameters:
        message: whose answer it was.
        certain: whether one is enough.
        delay: whether it was a temporary answer, of which more are needed.
        answer: the server's words, without addresses.
    """

    message: int
    certain: bool
    delay: bool
    code: int | None
    answer: str


@dataclass(frozen=True, slots=True)
class Breaker:
    """One that counts, or is open.

    Parameters:
        strikes: refusals in a row, while it is closed.
        opened: how often it opened since mail passed last.
        until: open: before that nothing passes; probing: by then the probe has its answer.
        message: whose answer came last, or that is the probe.
        since: when mail began to be refused.
    """

    key: Key
    state: BreakerState
    strikes: int
    opened: int
    until: datetime | None
    message: int
    code: int | None
    answer: str
    since: datetime
    changed_at: datetime

    def stops(self, now: datetime) -> bool:
        """Say whether nothing passes now."""
        return self.until is not None and now < self.until

    def wants_probe(self, now: datetime) -> bool:
        """Say whether it is time to let one mail through."""
        return self.until is not None and now >= self.until

    def passes_from(self, message: int, now: datetime) -> datetime:
        """Return when a message that has to wait should be taken again.

        A quarter of the rest is spread over the messages, so that they do not all come at once.
        """
        if self.until is None or now >= self.until or self.state is BreakerState.PROBING:
            return now + PROBE_TAKES + spread(message, 2 * PROBE_TAKES)
        return self.until + spread(message, rest(self.key, self.opened) / 4)


def rest(key: Key, opened: int) -> timedelta:
    """Return for how long it opens the n-th time."""
    first, most = _DOMAIN_REST if key.domain else _RELAY_REST
    doubled = 1 << min(max(opened, 1) - 1, 16)
    return min(most, first * doubled)


def struck(breaker: Breaker | None, key: Key, strike: Strike, now: datetime) -> Breaker:
    """Return the breaker after an answer that holds for other mails too.

    While it is open, answers to mails that were under way change nothing. The same message counts once in a row.
    """
    if breaker is not None and breaker.state is BreakerState.OPEN:
        return breaker
    if breaker is not None and breaker.state is BreakerState.PROBING:
        return _opened(breaker, strike, now) if strike.message == breaker.message else breaker
    forgotten = breaker is None or now - breaker.changed_at > FORGOTTEN_AFTER
    if breaker is None or forgotten:
        breaker = Breaker(key, BreakerState.CLOSED, 0, 0, None, strike.message, strike.code, strike.answer, now, now)
    elif breaker.message == strike.message and not strike.certain:
        return breaker
    counted = replace(
        breaker,
        strikes=breaker.strikes + 1,
        message=strike.message,
        code=strike.code,
        answer=strike.answer,
        changed_at=now,
    )
    enough = strike.certain or counted.strikes >= (DELAYS_IN_A_ROW if strike.delay else IN_A_ROW)
    return _opened(counted, strike, now) if enough else counted


def passed(breaker: Breaker, message: int) -> Breaker | None:
    """Return what is left of a breaker after a mail was taken: nothing, unless it rests just now.

    What was under way when it opened may still be taken, and proves little: only a probe closes it.
    """
    if breaker.state is BreakerState.OPEN or (breaker.state is BreakerState.PROBING and breaker.message != message):
        return breaker
    return None


def probed(breaker: Breaker, message: int, now: datetime) -> Breaker:
    """Return the breaker with this message under way as its probe."""
    return replace(breaker, state=BreakerState.PROBING, message=message, until=now + PROBE_WITHIN, changed_at=now)


def _opened(breaker: Breaker, strike: Strike, now: datetime) -> Breaker:
    opened = breaker.opened + 1
    return replace(
        breaker,
        state=BreakerState.OPEN,
        strikes=0,
        opened=opened,
        until=now + rest(breaker.key, opened),
        message=strike.message,
        code=strike.code,
        answer=strike.answer,
        changed_at=now,
    )
