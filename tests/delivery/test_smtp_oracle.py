"""Handing mail over to servers that do anything at any step, and the oracle that must hold all the same."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.handing import a_mail, check_answers, hand_over
from tests.support.misbehaving_smtp import MisbehavingSmtp
from tests.support.smtp_conversation import Action, Drop, Manners, Say, Script, Step, say
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Outcome

actions: st.SearchStrategy[Action] = st.one_of(
    st.sampled_from(["close", "reset", "half"]).map(lambda how: Drop(how)),  # type: ignore[arg-type] # a Literal
    st.builds(
        say,
        st.sampled_from(
            ["250 ok", "250-ok", "354 go on", "421 4.3.2 bye", "421 4.7.28 bye", "450 no", "550 no", "x", ""]
        ),
        close=st.booleans(),
    ),
)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.sampled_from(["connect", "ehlo", "mail", "rcpt", "data", "body", "dot", "rset"]), max_size=4, unique=True
)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Draw what a server does: good manners with faults strewn in."""
    script: dict[Step, Sequence[Action | None]] = {}
    for step in draw(steps):
        planned = draw(st.lists(st.one_of(st.none(), st.none(), actions), max_size=6))
        script[step] = [_honest(step, action, draw(st.booleans())) for action in planned]
    return script


def _honest(step: Step, action: Action | None, take: bool) -> Action | None:
    """Keep the server from lying: it keeps no mail that it refuses, and each that it says it took."""
    if isinstance(action, Drop):
        return Drop(action.how, take=take and step == "dot")
    if not isinstance(action, Say) or step not in ("body", "dot"):
        return action
    kind = action.lines[0][:1]
    if step == "body":  # said before the final dot: it must still be there to take the mail
        return Say(action.lines, close=action.close and kind != "2")
    return Say(action.lines, action.close, take=kind == "2" or (take and kind not in ("4", "5")))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=scripts(),
    count=st.integers(1, 6),
    extensions=st.lists(st.sampled_from(["PIPELINING", "CHUNKING", "8BITMIME"]), unique=True),
    calls=st.integers(1, 2),
    drips=st.booleans(),
)
def test_whatever_a_server_does_no_taken_mail_is_called_untaken(
    script: Script, count: int, extensions: Sequence[str], calls: int, drips: bool
) -> None:
    """Given faults at any steps of any mails, the oracle holds, one mail in a call at most is unknown, and a new
    connection is made only when the one before had served."""
    manners = Manners(script, extensions, drips=drips)
    with MisbehavingSmtp(manners=manners) as server:
        transport = SmtpTransport(server.url(), timeout=0.5)
        mails, answers = [], []
        for call in range(calls):
            batch = [a_mail(call * 100 + number) for number in range(count)]
            fresh = hand_over(transport, batch)
            assert [answer.outcome for answer in fresh].count(Outcome.UNKNOWN) <= 1
            mails += batch
            answers += fresh
        transport.close()
    check_answers(server, mails, answers)
    assert server.connections <= len(mails) + calls
