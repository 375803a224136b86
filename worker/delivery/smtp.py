"""Hands mail over by SMTP: over one connection, and many mails over two side by side.

A mail's final dot is answered a trip later. Over two connections in turn, the next mail of the one is written while the
other's answer is on its way: nothing is waited for, and two mails of a sender at most await the answer to their dots.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from worker.delivery.smtp_channel import Channel
from worker.delivery.smtp_relay import parse_relay
from worker.delivery.transport import Answer, Journal, Outcome, Outgoing
from worker.domain.answers import Stage

SIDE_BY_SIDE_FROM = 20  # mails of one call, from which they go over two connections; a sender has fewer by a slow relay
ALONE_FOR = 60.0  # seconds that one connection is made do with, where the relay takes no second
OPENED_WITHIN = 2.0  # seconds that each step of opening the second may take: a relay that is full may leave it waiting


class SmtpTransport:
    """A relay that mails are handed to over connections that are kept open between calls; for one thread.

    Parameters:
        url: `worker.delivery.smtp_relay.parse_relay` says what it may be.
        timeout: seconds that connecting, a reply, or each piece of a write may take.
        local_hostname: the name that we greet with, or None: this machine's.
        monotonic: seconds of a clock that never goes back.

    Raises:
        SettingError: the URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        local_hostname: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.relay = parse_relay(url)
        self._first, self._second = (Channel(self.relay, timeout, local_hostname, monotonic) for _ in range(2))
        self._monotonic = monotonic
        self._alone_until = monotonic()

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Hand the mails over; yields exactly one answer for each, as they come: over one connection in order."""
        side_by_side = len(mails) >= SIDE_BY_SIDE_FROM and self._first.proven and self._has_second()
        if not side_by_side:
            self._second.close()  # others may want it: many relays take few connections from one client
        for answer in self._by_both(mails, journal) if side_by_side else _by(self._first, mails, journal):
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Take leave of the server."""
        self._first.close()
        self._second.close()

    def _has_second(self) -> bool:
        """Open the second connection, unless the relay is not to have one, or took none a moment ago."""
        if not self.relay.second or self._monotonic() < self._alone_until:
            return False
        if self._second.opened(OPENED_WITHIN):
            return True
        self._alone_until = self._monotonic() + ALONE_FOR
        return False

    def _by_both(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Hand mails over by both channels in turn; what one does not take any more goes by the other.

        A channel that gave an answer has no mail that awaits one, so it can be left at that moment.
        """
        left = {mail.message: mail for mail in mails}  # those without an answer
        untold: dict[int, Answer] = {}  # of mails that nobody was told of, since a channel has no connection any more
        spent: set[Channel] = set()
        channels = (self._first, self._second)
        turns = deque((channel, channel.hand(mails[at::2], journal)) for at, channel in enumerate(channels))
        awaiting: set[Channel] = set()  # an answer to a final dot
        while turns:
            channel, answers = turns[0]
            try:
                answer = next(answers)
            except StopIteration:
                turns.popleft()
                continue
            if answer is None:
                awaiting.add(channel)
                turns.rotate()
                continue
            if channel not in awaiting:  # the mail was refused before its dot: the other's answer may lie there
                turns.rotate()
            awaiting.discard(channel)
            if answer.outcome is Outcome.TEMPORARY and answer.stage is Stage.CONNECT:
                untold[answer.message] = answer
                spent.add(channel)
            elif channel is self._second and _too_many(answer):
                self._alone_until = self._monotonic() + ALONE_FOR
                spent.add(channel)
                turns.remove((channel, answers))
                answers.close()
                channel.close()
            else:
                del left[answer.message]
                yield answer
        sound = next((channel for channel in channels if channel not in spent and channel.proven), None)
        if sound is None and untold:  # the relay is down or sick, and is not asked again for these
            known = next(iter(untold.values()))
            yield from (untold.get(number) or replace(known, message=number) for number in left)
        else:
            yield from _by(sound or self._first, list(left.values()), journal)


def _too_many(answer: Answer) -> bool:
    """Say whether a second connection may be the reason why a mail was surely not taken."""
    of_connection = answer.stage is Stage.MAIL or "connection" in answer.text.casefold()
    return answer.outcome is Outcome.TEMPORARY and of_connection


def _by(channel: Channel, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
    """Hand mails over by one channel, waiting for each answer."""
    return (answer for answer in channel.hand(mails, journal) if answer is not None)
