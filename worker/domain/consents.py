"""What an address's consent is after a word about it; the outcome is the same in whatever order the words arrive.

A no holds against every yes but one that was said anew, and later than the no. So three things decide: whether there
was any yes, the latest no, and the latest yes said anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from worker.domain.customers import ConsentState, Suppression

# The events by which a person says yes anew. A shop's ordinary events carry consent as a state of its record, which
# may lag behind a refusal that came to us; they never undo one.
SUBSCRIBES_ANEW = frozenset({"subscribed"})

# The state of a line of the consent ledger that holds a yes which counts only once its address confirms it; the
# address itself stays as it was.
PENDING = "pending"

# What the purpose of a line begins with that is about one topic of marketing: `topic:offers`.
TOPIC = "topic:"

# The events by which a customer takes back what a flow's step said: no more marketing. A click does so too.
LIFTS_SUPPRESSION = frozenset({"subscribed", "purchase"})


@dataclass(frozen=True, slots=True)
class Word:
    """One word about consent: yes or no, when it was said, and whether a yes was said anew."""

    yes: bool
    at: datetime
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an address's consent to one purpose.

    Parameters:
        since: when the word that decides was said; None while nothing is known.
        anew: whether that word is a yes said anew.
    """

    state: ConsentState = ConsentState.UNKNOWN
    since: datetime | None = None
    anew: bool = False

    def renews(self, before: Standing) -> bool:
        """Whether it says what was known before, only later."""
        return (self.state, self.anew) == (before.state, before.anew)


def word(yes: bool, at: datetime, received_at: datetime, event_type: str) -> Word:
    """Return what an event says; said no later than we heard it, whatever a shop's clock or zone claims."""
    return Word(yes, min(at, received_at), anew=yes and event_type in SUBSCRIBES_ANEW)


def consent_change(known: Standing, said: Word) -> Standing | None:
    """Return what is known after the word, or None where it changes nothing.

    Of a no and a yes of the same moment the no holds.
    """
    if not said.yes:
        if known.state is ConsentState.UNSUBSCRIBED:
            holds = _later(said, known)
        else:
            holds = not known.anew or known.since is None or said.at >= known.since
        return Standing(ConsentState.UNSUBSCRIBED, said.at) if holds else None
    if known.state is ConsentState.UNKNOWN:
        return Standing(ConsentState.SUBSCRIBED, said.at, said.anew)
    if not said.anew:
        return None
    over_an_ordinary_yes = known.state is ConsentState.SUBSCRIBED and not known.anew
    return Standing(ConsentState.SUBSCRIBED, said.at, True) if over_an_ordinary_yes or _later(said, known) else None


def waits(known: Standing, said: Word) -> bool:
    """Whether a word is a yes that would have mail go where none goes yet: with double opt-in it waits for its proof.

    The proof is that whoever reads the address's mail says so, too. A yes of an address that said so before waits for
    nothing, and one that would change nothing is none.
    """
    new = consent_change(known, said)
    return new is not None and new.state is ConsentState.SUBSCRIBED and known.state is not ConsentState.SUBSCRIBED


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the consent ledger, as far as it decides what holds.

    Parameters:
        state: `subscribed`, `unsubscribed` or `pending`.
    """

    state: str
    at: datetime
    anew: bool = False


def replay(lines: Iterable[Line]) -> Standing:
    """Return what holds after the lines of one address and purpose, in the order in which they were written."""
    standing = Standing()
    for line in lines:
        if line.state != PENDING:
            said = Word(line.state == ConsentState.SUBSCRIBED.value, line.at, line.anew)
            standing = consent_change(standing, said) or standing
    return standing


def lifts(suppression: Suppression, at: datetime, event_type: str | None = None) -> bool:
    """Say whether what a customer did lifts a flow's suppression: it must be later.

    Parameters:
        event_type: None: the customer clicked.
    """
    return at > suppression.at and (event_type is None or event_type in LIFTS_SUPPRESSION)


def _later(said: Word, known: Standing) -> bool:
    return known.since is None or said.at > known.since
