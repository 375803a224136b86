"""The pace of advertising for one group: what is counted by caps is looked up once, then each mail is held to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from worker.delivery.preparing import Prepared
from worker.domain.messages import Kind
from worker.domain.pacing import REACH, Advertising, Caps, ClosedTimes, Waits, paced
from worker.domain.tasks import Priority
from worker.domain.wishes import NO_WISHES, Wishes
from worker.storage import pace
from worker.storage.flowbook import Catalogue

_RANK = {Priority.LOW: -1, Priority.NORMAL: 0, Priority.HIGH: 1}


@dataclass(frozen=True, slots=True)
class Ranks:
    """Whose mails go first, as the flows are published now.

    Parameters:
        special: rank of each flow that sends and is not of normal priority, by its name.
        sending: the names of all flows that send.
    """

    special: dict[str, int]
    sending: frozenset[str]

    @classmethod
    def of(cls, catalogue: Catalogue) -> Ranks:
        """Return the ranks of what is published: a flow's newest version counts, whichever its journeys are on."""
        priorities = {name: version.flow.priority for name, version in catalogue.running.items()}
        special = {name: _RANK[one] for name, one in priorities.items() if one is not Priority.NORMAL}
        return cls(special, frozenset(priorities))

    def rank(self, flow: str | None) -> int:
        """Return the rank of a flow; a higher one goes first."""
        return self.special.get(flow, 0) if flow is not None else 0

    def over(self, rank: int) -> list[str]:
        """Return the names of the flows of a higher rank."""
        return sorted(name for name in self.sending if self.rank(name) > rank)

    def in_order(self, group: Sequence[Prepared]) -> Sequence[Prepared]:
        """Return a group with the mails first that go first."""
        return sorted(group, key=lambda one: -self.rank(one.loaded.message.flow)) if self.special else group


@dataclass(slots=True)
class GroupPace:
    """What has gone and what is coming to the addresses of a group.

    Parameters:
        went: when advertising was handed over to an address, as far back as the caps look.
        coming: what is queued for an address in flows of higher rank than some mail of the group.
        decided: messages of the group that went, or that never will.
        wishes: of the addresses that wish advertising less often.
    """

    closed: ClosedTimes
    caps: Caps
    ranks: Ranks
    now: datetime
    went: dict[str, list[datetime]] = field(default_factory=dict)
    coming: dict[str, list[pace.Coming]] = field(default_factory=dict)
    decided: set[int] = field(default_factory=set)
    wishes: dict[str, Wishes] = field(default_factory=dict)

    def look(self, connection: Connection, group: Sequence[Prepared], wishes: dict[str, Wishes]) -> GroupPace:
        """Look up what caps are counted by: one statement for the group, and two more where its mails rank lower.

        Nobody else marks mails to these addresses until the end of the transaction.
        """
        self.wishes, ranks = wishes, self.ranks
        backs = (self.caps.back, *(one.back for one in wishes.values()))
        back = max((one for one in backs if one is not None), default=None)
        mine = [one for one in group if one.loaded.message.kind is Kind.MARKETING]
        if back is None or not mine:
            return self
        emails = {one.outgoing.recipient for one in mine}
        pace.hold(connection, emails)
        self.went = pace.handed_over(connection, emails, self.now - back)
        higher = ranks.over(min(ranks.rank(one.loaded.message.flow) for one in mine)) if ranks.special else []
        if higher:
            self.coming = pace.coming(connection, emails, higher, self.now, self.now + REACH)
        return self

    def ask(self, prepared: Prepared, zone: ZoneInfo) -> Waits | str | None:
        """Return until when an advertising mail waits, or the reason for which it is left out, or None: it goes."""
        message, email = prepared.loaded.message, prepared.outgoing.recipient
        moments, rank = self.went.setdefault(email, []), self.ranks.rank(message.flow)
        ahead = [
            one.not_before
            for one in self.coming.get(email, ())
            if self.ranks.rank(one.flow) > rank and one.message not in self.decided
        ]
        mail = Advertising(message.expires_at, zone, moments, ahead, self.wishes.get(email, NO_WISHES))
        held = paced(mail, self.closed, self.caps, self.now)
        if held is None:
            moments.append(self.now)  # counts for the next of this group
        return held
