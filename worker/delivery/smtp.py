"""Hands mail over by SMTP: over one connection, and many mails over two side by side.

A mail's final dot is answered a trip later. Over two connections in turn, the next mail of the one is written while the
other's answer is on its way: nothing is waited for, and two mails of a sender at most await the answer to their dots.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from worker.delivery.smtp_channel import Channel
from worker.delivery.smtp_relay import parse_relay
from worker.delivery.transport import Answer, Journal, Outcome, Outgoing
from worker.domain.answers import Stage

MANY = 20  # mails of one call, from which they go over two connections; a sender has fewer by a slow relay
ALONE_FOR = 60.0  # seconds that one connection is made do with, where the relay takes no second


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
        side_by_side = len(mails) >= MANY and self._first.proven and self._has_second()
        for answer in self._by_both(mails, journal) if side_by_side else _by(self._first, mails, journal):
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Take leave of the server."""
        self._first.close()
        self._second.close()

    def _has_second(self) -> bool:
        """Open the second connection, unless the relay took none a moment ago; many take few from one client."""
        if self._monotonic() < self._alone_until:
            return False
        opened = self._second.opened()
        if not opened:
            self._alone_until = self._monotonic() + ALONE_FOR
        return opened

    def _by_both(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Hand mails over by both channels in turn; what one has no connection for any more goes by the other."""
        channels = (self._first, self._second)
        lanes = deque((channel, channel.hand(mails[at::2], journal)) for at, channel in enumerate(channels))
        left: dict[Channel, list[Answer]] = {}
        while lanes:
            channel, lane = lanes[0]
            try:
                answer = next(lane)
            except StopIteration:
                lanes.popleft()
                continue
            if answer is None:
                lanes.rotate()
            elif answer.outcome is Outcome.TEMPORARY and answer.stage is Stage.CONNECT:  # nobody was told of it
                left.setdefault(channel, []).append(answer)
            else:
                yield answer
        untold = [answer for answers in left.values() for answer in answers]
        sound = next((channel for channel in channels if channel not in left), None)
        if untold and sound is not None:
            numbers = {answer.message for answer in untold}
            yield from _by(sound, [mail for mail in mails if mail.message in numbers], journal)
        else:
            yield from untold


def _by(channel: Channel, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
    """Hand mails over by one channel, waiting for each answer."""
    return (answer for answer in channel.hand(mails, journal) if answer is not None)
