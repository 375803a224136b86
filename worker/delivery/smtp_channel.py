"""One connection to a relay, made anew when it is spent, and of each mail that goes over it whether it was taken.

Where the server offers PIPELINING (RFC 2920) the next mail's MAIL, RCPT and DATA travel behind the final dot of
the one before. Replies come in the order of the commands, so at most one mail awaits the answer to its dot: when
the connection breaks then, that one is unknown, and the next, whose content was not begun, is surely not taken.
Where it offers CHUNKING (RFC 3030) the content's last octet is what the dot is otherwise. BDAT would let the next
mail's content travel along too; it does not, since several mails could then be unknown at once.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from worker.delivery.smtp_dialogue import OverError, answer_to, open_transaction, transmit
from worker.delivery.smtp_mail import Envelope, envelope
from worker.delivery.smtp_relay import Relay
from worker.delivery.smtp_session import NotOpenedError, Reply, Session, open_session
from worker.delivery.transport import Answer, Journal, Outcome, Outgoing
from worker.domain.answers import Stage
from worker.domain.breakers import MUTE_IN_A_ROW


class Channel:
    """A way to a relay: one connection at a time, kept open between calls; for one thread.

    Parameters:
        timeout: seconds that connecting, a reply, or each piece of a write may take.
        local_hostname: the name that we greet with, or None: this machine's.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self, relay: Relay, timeout: float, local_hostname: str | None, monotonic: Callable[[], float]
    ) -> None:
        self._relay = relay
        self._timeout = timeout
        self._local_hostname = local_hostname
        self._monotonic = monotonic
        self._context: ssl.SSLContext | None = None
        self._session: Session | None = None
        self._look_ahead = True  # until a server turns out to lose what travels behind a final dot
        self._chunking = self._relay.chunking  # until a server turns out not to know what it offers

    @property
    def proven(self) -> bool:
        """Whether the connection that was open last has served a mail."""
        return self._session is not None and self._session.served > 0

    def opened(self, within: float) -> bool:
        """Open the connection where it is not; says whether it may take a mail.

        Parameters:
            within: seconds that each step of it may take.
        """
        try:
            self._connected(within)
        except OverError:
            return False
        return True

    def hand(self, mails: Sequence[Outgoing], journal: Journal) -> Generator[Answer | None]:
        """Hand the mails over; yields exactly one answer for each, in order, and None while one is awaited.

        A connection is replaced within the call only after it has served a mail: a relay that is down or sick is
        asked once, and the mails that remain get the same answer, with the stage of a mail that nobody was told of
        (`CONNECT`); another channel may have them. So it is after an unknown outcome. Where no word came to one mail's
        recipient or content, that mail waits, and the others go on over a new connection, unless it is so with
        several in a row.
        """
        place = mute = 0
        session: Session | None = None
        try:
            while place < len(mails):
                session = None
                try:
                    session = self._connected()
                    for answer in self._over(session, mails[place:], journal):
                        if answer is not None:
                            place += 1
                            mute = mute if answer.code is None else 0
                        yield answer
                except OverError as over:
                    self._drop(session)
                    if over.no_chunks:
                        self._chunking = False
                        continue
                    if over.again and session is not None and session.served:
                        continue
                    mute += over.doubtful
                    going_on = over.doubtful and mute < MUTE_IN_A_ROW
                    # the mail in hand, unless it has its answer; and the others, unless they go on
                    in_hand = int(over.stage is not None)
                    for mail in mails[place : place + in_hand] if going_on else mails[place:]:
                        place += 1
                        stage = over.stage or Stage.CONNECT
                        answer = Answer(mail.message, Outcome.TEMPORARY, over.code, str(over), stage)
                        over.stage = None  # only the mail in hand had come further
                        yield answer
                    if not going_on:
                        return
        finally:
            if session is not None and not session.idle:  # left in the midst of a mail
                self._drop(session)

    def close(self) -> None:
        """Take leave of the server."""
        if self._session is not None and self._session.idle:
            self._session.quit()
        self._drop(self._session)

    def _connected(self, within: float | None = None) -> Session:
        """Return the open connection if it may take another mail, else a new one."""
        if self._session is not None:
            if self._session.usable():
                return self._session
            self._drop(self._session)
        if self._context is None:
            self._context = _tls(verify=self._relay.verify)
        try:
            self._session = open_session(
                self._relay, self._context, self._timeout, self._local_hostname, self._monotonic, within
            )
        except NotOpenedError as error:
            raise OverError(str(error), error.code, again=False) from error
        self._local_hostname = self._session.local_hostname  # looking it up may ask the DNS: once is enough
        return self._session

    def _over(self, session: Session, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer | None]:
        """Hand mails over on one connection; yields None while an answer is awaited.

        Raises:
            OverError: the connection is spent; the mails that are not yet answered were not handed over.
        """
        offers = session.offers
        chunked = offers.chunking and self._chunking
        offers = replace(offers, chunking=chunked)
        openings = [envelope(mail, offers) for mail in mails]
        under_way = False  # whether this mail's commands were written behind the final dot of the one before
        for mail, opening, upcoming in zip(mails, openings, [*openings[1:], None], strict=True):
            over: OverError | None = None
            if isinstance(opening, Answer):  # cannot be written on this connection
                answer = opening
            else:
                session.idle = False
                refused = self._opened(session, opening, under_way=under_way)
                under_way = False
                if refused is not None:
                    answer = answer_to(mail, *refused)
                else:
                    behind = b""
                    if offers.pipelining and self._look_ahead and isinstance(upcoming, Envelope):
                        behind, under_way = upcoming.group, True
                    answer, over = yield from transmit(session, mail, behind, journal, chunked=chunked)
                session.served += over is None
                session.idle = over is None and not under_way
            yield answer
            if over is not None:
                raise over

    def _opened(self, session: Session, opening: Envelope, *, under_way: bool) -> tuple[Reply, Stage] | None:
        """Open the transaction; a server that loses what travels behind a final dot gets it there no more."""
        try:
            return open_transaction(session, opening, under_way=under_way)
        except OverError as over:
            if over.silent and under_way and over.stage is Stage.MAIL:
                self._look_ahead = False
            raise

    def _drop(self, session: Session | None) -> None:
        if session is not None:
            session.drop()
        if session is self._session:
            self._session = None


def _tls(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
