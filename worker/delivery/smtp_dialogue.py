"""One mail's transaction on an open connection, and what each way of its ending means for the mail.

Until the final dot has gone out nothing is taken (RFC 5321, 4.1.1.4): whatever breaks before is temporary. Once it
has, only the server's answer tells; without one the mail is unknown. By BDAT (RFC 3030) the last octet of the content
is what the final dot is otherwise, and all that holds of the one holds of the other.
"""

from __future__ import annotations

from collections.abc import Generator

from worker.delivery.smtp_mail import (
    FINAL_DOT,
    Envelope,
    before_and_with_dot,
    before_and_with_end,
    in_lines,
    on_the_wire,
)
from worker.delivery.smtp_session import GarbledError, LostError, Reply, Session
from worker.delivery.transport import Answer, Journal, LeaseOver, Outcome, Outgoing
from worker.domain.answers import Blame, Stage, Taken, class_answer
from worker.domain.errors import PhinError

_UNKNOWN_COMMAND = frozenset({500, 501, 502, 503, 504})  # of the command itself, since MAIL and RCPT were taken
_OUTCOMES = {
    Taken.ACCEPTED: Outcome.ACCEPTED,
    Taken.TEMPORARY: Outcome.TEMPORARY,
    Taken.REFUSED: Outcome.REFUSED,
}


class OverError(PhinError):
    """The connection takes no further mail, and of the mail in hand surely nothing was taken.

    Parameters:
        stage: how far the mail in hand had come, or None where it has its answer and the next was not begun.
        again: whether a new connection is worth trying at once, provided that this one had served a mail.
        silent: whether it ended by the server's not answering in time.
        no_chunks: whether the server does not know BDAT though it offered it: again at once, without.
        doubtful: whether it ended, without a word, at the recipient or content of the mail in hand: that mail alone
            may be the reason.
    """

    def __init__(
        self,
        text: str,
        code: int | None = None,
        stage: Stage | None = None,
        *,
        again: bool,
        silent: bool = False,
        no_chunks: bool = False,
        doubtful: bool = False,
    ) -> None:
        self.code = code
        self.stage = stage
        self.again = again
        self.silent = silent
        self.no_chunks = no_chunks
        self.doubtful = doubtful
        super().__init__(text)


def answer_to(mail: Outgoing, reply: Reply, stage: Stage) -> Answer:
    """Return what the server's reply makes of the mail."""
    taken = reply.code < 300
    outcome = Outcome.ACCEPTED if taken else _OUTCOMES[class_answer(reply.code, reply.text, stage).taken]
    return Answer(mail.message, outcome, reply.code, reply.text, stage)


def open_transaction(session: Session, opening: Envelope, *, under_way: bool) -> tuple[Reply, Stage] | None:
    """Bring the server to wait for the content; returns None when it does, else what it refused.

    Parameters:
        under_way: whether the commands were already written, behind the final dot of the mail before.

    Raises:
        OverError: the connection broke, or the server ends it.
    """
    refused: tuple[Reply, Stage] | None = None
    stage = Stage.MAIL
    try:
        if not under_way:
            _begin(session, opening)
        for stage, line in ((Stage.MAIL, opening.mail), (Stage.RCPT, opening.rcpt), (Stage.DATA, opening.data)):
            if not line:
                break
            if not session.offers.pipelining:
                if refused is not None:
                    break
                session.write(line)
            reply = session.reply()
            if reply.code >= 400:
                _end_if_said(reply, stage)
                refused = refused or (reply, stage)
            elif stage is Stage.DATA and reply.code == 354:
                if refused is not None:
                    _end_for_nobody(session, refused[1])
            elif stage is Stage.DATA or reply.code >= 300:
                raise GarbledError(f"'{reply.code}' is no answer to {stage.value.upper()}")
    except (LostError, GarbledError) as trouble:
        silent = isinstance(trouble, LostError) and trouble.timed_out
        begun = stage is not Stage.MAIL  # then what was written behind a final dot has arrived
        again = not silent or (under_way and not begun)
        doubtful = begun and isinstance(trouble, LostError)
        raise OverError(str(trouble), stage=stage, again=again, silent=silent, doubtful=doubtful) from trouble
    session.needs_reset = refused is not None
    return refused


def transmit(
    session: Session, mail: Outgoing, behind: bytes, journal: Journal, *, chunked: bool = False
) -> Generator[None, None, tuple[Answer, OverError | None]]:
    """Send the content and its final dot, and yield once while the server thinks about it.

    Returns:
        The answer, and why the connection is spent, if it is.

    Parameters:
        behind: commands of the next mail, written behind the final dot.
        chunked: whether it goes by BDAT, whose last octet stands for the dot.

    Raises:
        OverError: the lease is over, and no final dot was written; or the server knows no BDAT, and took nothing.
    """
    if chunked:
        head, tail = before_and_with_end(mail.content if mail.in_form else in_lines(mail.content))
        dot, needed = b"", len(tail)
    else:
        head, tail = before_and_with_dot(mail.content if mail.in_form else on_the_wire(mail.content))
        dot, needed = FINAL_DOT, len(tail) + 1
    handed = False
    try:
        if head:
            session.write(head)
        journal.handing(mail.message)
        try:
            session.write(b"".join((tail, dot, behind)))
        except LostError as lost:
            handed = lost.written >= needed
            raise
        handed = True
        yield
        reply = session.reply()
        if reply.code // 100 == 3:
            raise GarbledError(f"'{reply.code}' is no answer to the end of a mail")
    except LeaseOver as over:
        raise OverError(str(over), stage=Stage.DATA, again=False) from over
    except (LostError, GarbledError) as trouble:
        return _broken(session, mail, trouble, handed=handed)
    if chunked and reply.code in _UNKNOWN_COMMAND:
        raise OverError(f"BDAT: {reply.text}", reply.code, Stage.DATA, again=True, no_chunks=True)
    answer = answer_to(mail, reply, Stage.DOT)
    if reply.code == 421:
        return answer, OverError(reply.text, 421, again=not _blames_us(reply, Stage.DOT))
    return answer, None


def _begin(session: Session, opening: Envelope) -> None:
    """Clear what is left of a refused transaction, and write the commands where they may go together."""
    lines = b"RSET\r\n" if session.needs_reset else b""
    lines += opening.group if session.offers.pipelining else b""
    if lines:
        session.write(lines)
    if session.needs_reset:
        reply = session.reply()
        if reply.code >= 300:
            raise GarbledError(f"the server does not reset: {reply.code} {reply.text}")
        session.needs_reset = False


def _end_for_nobody(session: Session, refused: Stage) -> None:
    """End a content that the server wants although it refused the recipient (RFC 2920, 3.1)."""
    if refused is not Stage.RCPT:  # then it has a recipient, who would get an empty mail
        raise GarbledError("the server refused the sender and wants the mail all the same")
    session.write(FINAL_DOT)
    session.reply()


def _end_if_said(reply: Reply, stage: Stage) -> None:
    """Take a 421 for the end of the connection, and a missing log-in for what it is: no mail would be taken."""
    unwelcome = stage is Stage.MAIL and class_answer(reply.code, reply.text, stage).taken is Taken.TEMPORARY
    ours = _blames_us(reply, stage)
    if reply.code == 421 or (unwelcome and ours):
        raise OverError(reply.text, reply.code, stage, again=not ours)


def _blames_us(reply: Reply, stage: Stage) -> bool:
    return class_answer(reply.code, reply.text, stage).blame is Blame.OURSELVES


def _broken(
    session: Session, mail: Outgoing, trouble: LostError | GarbledError, *, handed: bool
) -> tuple[Answer, OverError]:
    """Say what a break during the content means: a reply may still lie there, written before the server hung up."""
    timed_out = isinstance(trouble, LostError) and trouble.timed_out
    words = session.last_words() if isinstance(trouble, LostError) and not timed_out else None
    stage = Stage.DOT if handed else Stage.DATA
    again = not timed_out
    if words is not None and (words.code >= 400 or (handed and words.code < 300)):
        answer = answer_to(mail, words, stage)
        again = not _blames_us(words, stage)
    elif handed:
        answer = Answer(mail.message, Outcome.UNKNOWN, None, f"no answer after the final dot: {trouble}", stage)
    else:
        answer = Answer(mail.message, Outcome.TEMPORARY, None, f"broken off before the final dot: {trouble}", stage)
    again = again and answer.outcome is not Outcome.UNKNOWN
    doubtful = not handed and words is None
    return answer, OverError(f"not tried, since the connection broke: {trouble}", again=again, doubtful=doubtful)
