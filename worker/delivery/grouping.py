"""The groups in which the mails of a batch are marked and handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from worker.delivery.preparing import Prepared
from worker.domain.messages import Kind

# The rules are asked and a group is marked before its first mail is handed over, so a group is small enough that its
# last one goes soon after: as many as went lately in this time.
GONE_WITHIN = timedelta(seconds=1)


def groups(
    ready: Sequence[Prepared],
    at_a_time: Mapping[Kind, int],
    relay_of: Callable[[int], str],
    a_mail: Callable[[], timedelta],
) -> Iterator[tuple[str, Sequence[Prepared]]]:
    """Yield relays with the group that goes by each: transactional mails first, in small groups, then the campaigns'.

    Parameters:
        at_a_time: mails of a group at most, by kind, in the order in which they go.
        relay_of: tells the relay of a message.
        a_mail: tells before each group how long handing one over took lately; nothing where that is not known.
    """
    for kind, most in at_a_time.items():
        shares: dict[str, list[Prepared]] = {}
        for prepared in ready:
            if prepared.loaded.message.kind is kind:
                shares.setdefault(relay_of(prepared.loaded.message.id), []).append(prepared)
        for relay, left in shares.items():
            while left:
                lately = a_mail()
                size = min(most, max(1, GONE_WITHIN // lately)) if lately else most
                yield relay, left[:size]
                left = left[size:]
