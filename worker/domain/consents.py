"""Whether a word about consent changes what is known: the newer word wins, and a no is only undone by a new yes."""

from __future__ import annotations

from datetime import datetime

from worker.domain.customers import ConsentState

# The events by which a person says yes anew. A shop's ordinary events carry consent as a state of its record, which
# may lag behind a refusal that came to us; they never undo one.
SUBSCRIBES_ANEW = frozenset({"subscribed"})


def consent_change(
    known: ConsentState, since: datetime | None, said: bool, at: datetime, event_type: str
) -> ConsentState | None:
    """Return the state that follows, or None where nothing changes.

    Parameters:
        known: what is known of the address and purpose; `since`: from when that is.
        said: the word, yes or no; `at`: when it was said; `event_type`: in which event.
    """
    new = ConsentState.SUBSCRIBED if said else ConsentState.UNSUBSCRIBED
    if new is known or (since is not None and at < since):
        return None
    if known is ConsentState.UNSUBSCRIBED and event_type not in SUBSCRIBES_ANEW:
        return None
    return new
