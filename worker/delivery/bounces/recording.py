"""Recording: a report becomes rows, with all that follows from it, in one transaction; come twice, it is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from worker.delivery.bounces.following import Returned, follow
from worker.delivery.bounces.locating import Located, locate
from worker.delivery.bounces.parcel import Parcel
from worker.delivery.bounces.reading import Report, read
from worker.delivery.tokens import Tokens
from worker.domain.addresses import masked
from worker.domain.bounce_words import BounceReason
from worker.domain.bounces import RETURNED, BounceClass, Finding
from worker.domain.messages import MessageState
from worker.domain.setting_mail import Bounces as BounceSettings
from worker.domain.work import Work
from worker.storage import bounces
from worker.storage.bounces import NewBounce
from worker.storage.database import Database
from worker.storage.rows import in_each_others_way

TRIES = 3
AT_ONCE = 50  # reports that are read again in one transaction
_IN_HAND = (MessageState.QUEUED, MessageState.CLAIMED, MessageState.TRANSMITTING)
_MATTERS = (*RETURNED, BounceClass.COMPLAINT, BounceClass.UNREADABLE)
NOT_OURS = "it names no mail of ours that can be believed"


@dataclass(frozen=True, slots=True)
class Arrival:
    """How something came in.

    Parameters:
        source: `pipe`, `imap`, or the provider.
        key: what makes it one.
        size: bytes of the whole.
        raw: what is kept of it where it cannot be read.
        signed: whether a provider has signed it.
        at: when it happened, where that is told.
    """

    source: str
    key: str
    size: int
    raw: bytes
    signed: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of reports: the rows that are new, what they are, and work for others."""

    rows: tuple[int, ...] = ()
    kinds: tuple[BounceClass, ...] = ()
    unread: int = 0
    work: Work = field(default_factory=Work)

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.rows + other.rows, self.kinds + other.kinds, self.unread + other.unread, self.work + other.work
        )


class Bounces:
    """Takes reports, from whichever way they come."""

    def __init__(self, database: Database, tokens: Tokens, settings: BounceSettings) -> None:
        self._database = database
        self._tokens = tokens
        self._settings = settings

    def take(self, parcel: Parcel, source: str, now: datetime) -> Taken:
        """Read a mail and record it.

        Raises:
            UnavailableError: the database cannot be reached; nothing was kept.
        """
        arrival = Arrival(source, f"mail:{parcel.key}", parcel.size, parcel.raw)
        return self.record([(read(parcel.raw, self._tokens), arrival)], now)

    def record(self, reports: Sequence[tuple[Report, Arrival]], now: datetime) -> Taken:
        """Write reports down with what follows, all or none.

        Raises:
            UnavailableError: the database cannot be reached; nothing was kept.
        """
        for tries in range(TRIES):
            try:
                with self._database.writing() as connection:
                    parts = [self.write(connection, report, arrival, now) for report, arrival in reports]
                return sum(parts, Taken())
            except DBAPIError as error:
                if tries + 1 == TRIES or not in_each_others_way(error):
                    raise
        raise AssertionError("unreachable")

    def write(self, connection: Connection, report: Report, arrival: Arrival, now: datetime) -> Taken:
        """Write one down in this transaction."""
        taken = Taken()
        for number, located in enumerate(self._located(connection, report, arrival, now)):
            new = _row(located, report, arrival, now)
            key = arrival.key if number == 0 else f"{arrival.key}:{number}"
            row = bounces.add(connection, replace(new, key=key))
            if row is None:
                continue  # it came before, with all that follows
            work = self._follow(connection, located, arrival, now)
            taken += Taken((row,), (new.kind,), int(new.state == "unread"), work)
        return taken

    def read_again(self, now: datetime) -> Taken:
        """Read what could not be read once more, by the rules as they are by now; what still cannot stays."""
        taken, last = Taken(), 0
        while True:
            with self._database.writing() as connection:
                rows = bounces.unread_after(connection, last, AT_ONCE)
                for row in rows:
                    taken += self._again(connection, row, now)
            if len(rows) < AT_ONCE:
                return taken
            last = rows[-1].id

    def catch_up(self, now: datetime) -> Work:
        """Do what follows from what came back before our sender had written that it was handed over."""
        work = Work()
        with self._database.reading() as connection:
            if not bounces.early(connection):
                return work
        with self._database.writing() as connection:
            for row in bounces.early(connection):
                (mail,) = bounces.mails(connection, [row.message_id]) or (None,)
                bounces.count(connection, row.id)
                if mail is not None:
                    found = Finding(BounceClass(row._mapping["class"]), BounceReason(row.reason), None, row.status)
                    who = Returned(mail.id, mail.email, mail.customer is None)
                    work += follow(connection, who, found, self._settings, now, now)
        return work

    def _again(self, connection: Connection, row: object, now: datetime) -> Taken:
        kept = row._mapping  # type: ignore[attr-defined]  # a row of SQLAlchemy's
        if not kept["raw"] or kept["source"] not in ("pipe", "imap"):
            return Taken()
        report = read(bytes(kept["raw"]), self._tokens)
        arrival = Arrival(kept["source"], kept["key"], kept["size"], bytes(kept["raw"]))
        located = self._located(connection, report, arrival, now)[0]
        new = _row(located, report, arrival, now)
        if new.state == "unread" and (new.kind, new.why) == (BounceClass(kept["class"]), kept["why"]):
            return Taken()
        bounces.replace(connection, kept["id"], new)
        work = self._follow(connection, located, arrival, now)
        return Taken((kept["id"],), (new.kind,), int(new.state == "unread"), work)

    def _located(self, connection: Connection, report: Report, arrival: Arrival, now: datetime) -> list[Located]:
        return locate(
            connection,
            report.clues,
            report.findings,
            now,
            signed=arrival.signed,
            by_address=self._settings.domain is None,
        )

    def _follow(self, connection: Connection, located: Located, arrival: Arrival, now: datetime) -> Work:
        mail = located.mail
        if mail is None:
            return Work()
        who = Returned(mail.id, mail.email, mail.customer is None)
        return follow(connection, who, located.finding, self._settings, min(arrival.at or now, now), now)


def _row(located: Located, report: Report, arrival: Arrival, now: datetime) -> NewBounce:
    finding, mail = located.finding, located.mail
    matters = finding.kind in _MATTERS
    unread = finding.kind is BounceClass.UNREADABLE or (matters and mail is None)
    early = matters and mail is not None and mail.state in _IN_HAND
    state = "unread" if unread else "early" if early else "counted" if matters else "noted"
    return NewBounce(
        key=arrival.key,
        source=arrival.source,
        received_at=now,
        state=state,
        kind=finding.kind,
        reason=finding.reason,
        status=finding.status,
        diagnostic=masked(finding.diagnostic) or None,
        email=None if mail is None else mail.email,
        message=None if mail is None else mail.id,
        matched=located.by,
        why=(report.why or NOT_OURS) if unread else None,
        size=arrival.size,
        raw=arrival.raw if unread else None,
    )
