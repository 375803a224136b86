"""Hits: kept as they come, classed a moment later, and made facts of where people made them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache

from crawleruseragents import is_crawler

from worker.domain.hits import SETTLING, HitClass, HitKind, class_hit
from worker.domain.work import Work
from worker.storage import hits, journeys
from worker.storage.database import Database
from worker.storage.hits import NewHit, PeoplesHits, Unclassed

_REMEMBERED = 10_000  # user agents; looking one up in the list takes a third of a millisecond
_PEOPLE = (HitClass.PERSON, HitClass.PROXY)


def record(database: Database, new: Sequence[NewHit]) -> tuple[Work, Work]:
    """Commit hits as they came, each key once.

    Returns:
        The new opens, which can be classed at once, and the new clicks, which can after `worker.domain.hits.SETTLING`.

    Raises:
        UnavailableError: the database cannot be reached; nothing was kept.
    """
    with database.writing() as connection:
        opens = hits.add(connection, [one for one in new if one.kind is HitKind.OPEN])
        clicks = hits.add(connection, [one for one in new if one.kind is HitKind.CLICK])
    return Work(hits=tuple(opens)), Work(hits=tuple(clicks))


class Hits:
    """Classes hits, and writes what people's hits mean: mails opened and clicked, customers last seen.

    Parameters:
        known_machine: says whether a user agent is a known crawler's or scanner's.
    """

    def __init__(self, database: Database, known_machine: Callable[[str], bool] = is_crawler) -> None:
        self._database = database
        self._known_machine: Callable[[str], bool] = lru_cache(_REMEMBERED)(known_machine)

    def run(self, hit_ids: Sequence[int], now: datetime) -> Work:
        """Class those of these hits that can be classed now (`worker.storage.hits.may_class`); twice changes nothing.

        Returns:
            The waiting journeys of the customers who looked or clicked: what they wait for may hold now.
        """
        with self._database.writing() as connection:
            found = hits.unclassed(connection, hit_ids, now)
            if not found:
                return Work()
            hits.hold_customers(connection, (one.customer for one in found if one.customer is not None))
            times = [one.hit.at for one in found]
            messages = {one.hit.message for one in found}
            beside = hits.clicks(connection, messages, min(times) - SETTLING, max(times) + SETTLING)
            classed = []
            for one in found:
                others = [other for number, other in beside.get(one.hit.message, ()) if number != one.id]
                known = self._known_machine(one.hit.user_agent)
                classed.append((one, *class_hit(one.hit, one.sent_at, others, known_machine=known)))
            hits.set_classes(connection, [(one.id, whose, told_by) for one, whose, told_by in classed])
            hits.settle_by_evidence(connection, messages, now)
            people = _by_message([one for one, whose, _ in classed if whose in _PEOPLE])
            hits.note_people(connection, people, now)
            return Work(journeys=tuple(journeys.wake_of(connection, sorted({one.customer for one in people}))))


def _by_message(found: Sequence[Unclassed]) -> list[PeoplesHits]:
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
