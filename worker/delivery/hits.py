"""Hits: kept as they come, classed a moment later, and made facts of where people made them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from crawleruseragents import is_crawler
from sqlalchemy import Connection

from worker.delivery.clients import UNKNOWN, Clients
from worker.domain.attribution import USUAL, CreditRules
from worker.domain.hits import ALIKE, PEOPLE, TOO_SOON, HitClass, HitKind, class_hit
from worker.domain.work import Work
from worker.storage import attribution, hit_recount, hits, journeys
from worker.storage.database import Database
from worker.storage.hits import Classed, Kept, NewHit, PeoplesHits
from worker.storage.kept_connection import KeptConnection

_REMEMBERED = 10_000  # user agents; looking one up in the list takes a third of a millisecond
SLICE = 1_000  # hits that are classed again in one transaction


def record(database: Database, new: Sequence[NewHit]) -> tuple[Work, Work]:
    """Commit hits as they came, each key once.

    Returns:
        The new opens, which can be classed at once, and the new clicks, which can after `worker.domain.hits.SETTLING`.

    Raises:
        UnavailableError: the database cannot be reached; nothing was kept.
    """
    return record_rows(database, ",".join(one.row() for one in new))


def record_rows(database: Database, rows: str) -> tuple[Work, Work]:
    """Commit hits, given as what `NewHit.row` gives of each, between commas; otherwise as `record`."""
    with database.writing() as connection:
        return _added(connection, rows)


def record_at_once(kept: KeptConnection, rows: str) -> tuple[Work, Work]:
    """Commit hits as `record_rows`, by one question to PostgreSQL.

    Raises:
        DBAPIError: they are not kept, or nobody knows; their keys make it safe to try again.
    """
    return kept.do(lambda connection: _added(connection, rows))


def _added(connection: Connection, rows: str) -> tuple[Work, Work]:
    added = hits.add(connection, rows)
    return Work(hits=added.get(HitKind.OPEN, ())), Work(hits=added.get(HitKind.CLICK, ()))


@dataclass(frozen=True, slots=True)
class Again:
    """What came of classing a slice of hits again.

    Parameters:
        last: number of the last hit of the slice, from which to go on.
        looked: how many hits were looked at.
        changed: how many changed their class, from what to what.
        reworded: how many keep their class, and are told by something else than before.
        mails: how many mails say otherwise when they were first opened or clicked; of a dry run none.
    """

    last: int
    looked: int
    changed: Counter[tuple[HitClass, HitClass]] = field(default_factory=Counter)
    reworded: int = 0
    mails: int = 0


class Hits:
    """Classes hits, and writes what people's hits mean: mails opened and clicked, customers last seen.

    Parameters:
        known_machine: says whether a user agent is a known crawler's or scanner's.
        too_soon: a click this soon after its mail was handed over is a scanner's.
        crediting: what purchases are credited by.
    """

    def __init__(
        self,
        database: Database,
        known_machine: Callable[[str], bool] = is_crawler,
        *,
        too_soon: timedelta = TOO_SOON,
        crediting: CreditRules = USUAL,
    ) -> None:
        self._database = database
        self._known_machine: Callable[[str], bool] = lru_cache(_REMEMBERED)(known_machine)
        self._too_soon = too_soon
        self._crediting = crediting
        self._clients = Clients()

    def run(self, hit_ids: Sequence[int], now: datetime) -> Work:
        """Class those of these hits that can be classed now (`worker.storage.hits.may_class`); twice changes nothing.

        A hit on the honeypot makes machines of hits that were taken for a person's before; what flows did by then
        stays done.

        Returns:
            The waiting journeys of the customers who looked or clicked: what they wait for may hold now.
        """
        with self._database.writing() as connection:
            found = hits.unclassed(connection, hit_ids, now)
            if not found:
                return Work()
            hits.hold_customers(connection, (one.customer for one in found if one.customer is not None))
            beside = _Beside(hits.beside(connection, found))
            decided = [self._decided(one, beside) for one in found]
            unmasked = self._unmasked(found, beside)
            messages = {one.hit.message for one in found}
            hits.set_classes(connection, [*decided, *(new for _, new in unmasked)])
            hits.forget_source(connection, [one.id for one in found if one.customer is None])
            hits.settle_by_evidence(connection, messages, now)
            whose = {one.id: one.whose for one in decided}
            people = _by_message([one for one in found if whose[one.id] in PEOPLE])
            hits.note_people(connection, people, now)
            if unmasked:
                hit_recount.recount(connection, {old.hit.message for old, _ in unmasked})
            self._credit(connection, [one for one in found if whose[one.id] in PEOPLE] + [old for old, _ in unmasked])
            return Work(journeys=tuple(journeys.wake_of(connection, sorted({one.customer for one in people}))))

    def again(self, since: datetime | None, after: int, *, dry: bool) -> Again | None:
        """Class the next slice of hits again, by the rules of now, and count anew what follows from them.

        What journeys did, and a suppression that a click lifted, stay as they are.

        Parameters:
            since: only hits made from then on.
            after: number of the last hit that was looked at; 0 at the beginning.
            dry: whether to write nothing.

        Returns:
            None where there is no further hit.
        """
        with self._database.reading() if dry else self._database.writing() as connection:
            found = hit_recount.next_classed(connection, since, after, SLICE)
            if not found:
                return None
            if not dry:
                hits.hold_customers(connection, (one.customer for one in found if one.customer is not None))
            beside = _Beside(hits.beside(connection, found))
            decided = [self._decided(one, beside) for one in found]
            pairs = list(zip(found, decided, strict=True))
            other = [(old, new) for old, new in pairs if old.whose is not None and old.whose is not new.whose]
            mails = 0 if dry else self._written(connection, decided, [old for old, _ in other])
            return Again(
                found[-1].id,
                len(found),
                Counter((old.whose, new.whose) for old, new in other if old.whose is not None),
                sum(old.whose is new.whose and old.told_by != new.told_by for old, new in pairs),
                mails,
            )

    def _written(self, connection: Connection, decided: Sequence[Classed], other: Sequence[Kept]) -> int:
        hits.set_classes(connection, decided)
        if not other:
            return 0
        mails = hit_recount.recount(connection, {one.hit.message for one in other})
        self._credit(connection, other)
        return mails

    def _credit(self, connection: Connection, looked: Sequence[Kept]) -> None:
        """Credit anew what the customers of these hits bought after them."""
        times: dict[int, set[datetime]] = {}
        for one in looked:
            if one.customer is not None:
                times.setdefault(one.customer, set()).add(one.hit.at)
        numbers: set[str] = set()
        while times:  # a customer's first hits together, then their second ones
            first = {customer: at.pop() for customer, at in times.items()}
            numbers.update(attribution.placed_after(connection, first, self._crediting))
            times = {customer: at for customer, at in times.items() if at}
        if numbers:
            attribution.credit_orders(connection, sorted(numbers), self._crediting)

    def _decided(self, one: Kept, beside: _Beside) -> Classed:
        client = self._clients.of(one.hit.user_agent, one.hit.kind)
        whose, told_by = class_hit(
            one.hit,
            one.sent_at,
            [other.hit for other in beside.near(one) if other.id != one.id],
            known_machine=self._known_machine(one.hit.user_agent),
            program=client.program or UNKNOWN,
            too_soon=self._too_soon,
        )
        return Classed(one.id, whose, told_by, client.program, client.device)

    def _unmasked(self, found: Sequence[Kept], beside: _Beside) -> list[tuple[Kept, Classed]]:
        """Return hits that were taken for people's, now that their source has followed a honeypot."""
        taken = {
            other.id: other
            for one in found
            if one.hit.on_honeypot
            for other in beside.near(one)
            if other.whose in PEOPLE and other.hit.ip_hash is not None
        }
        decided = [(one, self._decided(one, beside)) for one in taken.values()]
        return [(one, new) for one, new in decided if new.whose is HitClass.MACHINE]


class _Beside:
    """The hits on some mails, by mail and time, so that those about one are found without going through all."""

    def __init__(self, by_message: Mapping[int, Sequence[Kept]]) -> None:
        self._hits = {number: sorted(kept, key=_at) for number, kept in by_message.items()}

    def near(self, one: Kept) -> Sequence[Kept]:
        """Return the hits on the same mail within `ALIKE` of one, itself among them."""
        kept = self._hits.get(one.hit.message, ())
        begin = bisect_left(kept, one.hit.at - ALIKE, key=_at)
        return kept[begin : bisect_right(kept, one.hit.at + ALIKE, key=_at)]


def _at(one: Kept) -> datetime:
    return one.hit.at


def _by_message(found: Sequence[Kept]) -> list[PeoplesHits]:
    """Gather people's hits by mail; who clicks in a mail has opened it, pictures or not."""
    opens: dict[tuple[int, int], list[datetime]] = {}
    clicks: dict[tuple[int, int], list[datetime]] = {}
    for one in found:
        if one.customer is not None:
            of = (one.hit.message, one.customer)
            opens.setdefault(of, []).append(one.hit.at)
            if one.hit.kind is HitKind.CLICK:
                clicks.setdefault(of, []).append(one.hit.at)
    return [PeoplesHits(*of, tuple(times), tuple(clicks.get(of, ()))) for of, times in sorted(opens.items())]
