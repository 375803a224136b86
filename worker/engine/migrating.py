"""Journeys under way moved to the version that new entries use: told beforehand, then done in batches.

A journey lands at the step of the same name. One that waits keeps the moment at which its wait ends; where the wait
itself is another one in the new version, that moment is reckoned anew from when the journey came to it. What it has in
the queue stays there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from worker.domain.customers import Customer
from worker.domain.errors import FileError, PhinError
from worker.domain.flows import Flow
from worker.domain.settings import Settings
from worker.domain.steps import Wait, walk
from worker.domain.waiting import wait_ends
from worker.domain.zones import zone_of
from worker.engine.failing import transact
from worker.language.flow.differing import standing
from worker.language.flow.flows import read_flow
from worker.language.flow.landing import Landing, Landings, can_be_waited_at
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import customers, flows, moving
from worker.storage.database import Database
from worker.storage.flows import VersionRow
from worker.storage.moving import Landed, Standing

BATCH = 500  # journeys in one transaction
_UNREADABLE = "their version cannot be read by this version of Phin"


@dataclass(frozen=True, slots=True)
class Group:
    """Customers at one step of one version, and what is to become of them.

    Parameters:
        version: its number; `step`: the name of the step, None being the start.
        where, lands: in words, where they stand and where they land; None where they stay.
        stays: why they stay.
        over: how many of them have by then waited long enough, and go on at once.
    """

    version: int
    step: str | None
    where: str
    lands: str | None
    stays: str | None
    journeys: tuple[int, ...]
    over: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What migrating a flow would do.

    Parameters:
        number: the version that they would be moved to.
        here: how many are on it already.
    """

    flow: str
    number: int
    here: int
    groups: tuple[Group, ...]
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def moving(self) -> int:
        """How many journeys would be moved."""
        return sum(len(one.journeys) for one in self.groups if one.stays is None)


class Migrating:
    """Moves the journeys of one flow to the version that new entries use.

    Parameters:
        given: where those go whose step is not to be found by its name: old name → name in the new version.

    Raises:
        PhinError: there is no such flow, `given` names a step at which nobody can be put, or the version for new
            entries cannot be read.
    """

    def __init__(self, database: Database, settings: Settings, name: str, given: Mapping[str, str]) -> None:
        self._database = database
        self._zone = settings.shop.timezone
        self._name = name
        self._given = given
        with database.reading() as connection:
            row = next((row for row in flows.all_flows(connection) if row.name == name), None)
            if row is None:
                raise PhinError(f"there is no published flow '{name}'; 'phin flows' lists those there are")
            self._live = row.version
            kept = {one.id: one for one in flows.versions_of(connection, name)}
        read = _read(self._live)
        if read is None:
            raise PhinError(f"'{name}' v{self._live.number} cannot be read by this version of Phin")
        self._new: Flow = read
        self._waits = {step.name: step for step in walk(read.steps) if isinstance(step, Wait)}
        self._versions = kept
        self._flows = {number: _read(one) for number, one in kept.items()}
        self._check_given()
        self._landings = {
            number: Landings(old, read, self._of_version(old)) for number, old in self._flows.items() if old is not None
        }

    def plan(self, now: datetime) -> Plan:
        """Return what would be done now; nothing is changed."""
        with self._database.reading() as connection:
            others = moving.on_other_versions(connection, self._name, self._live.id)
            standing_here = moving.count_on(connection, self._name, self._live.id)
        together: dict[tuple[int, str | None], list[int]] = {}
        for journey, version, step in others:
            together.setdefault((version, step), []).append(journey)
        groups = [self._group(version, step, ids, now) for (version, step), ids in together.items()]
        return Plan(
            self._name,
            self._live.number,
            standing_here,
            tuple(sorted(groups, key=lambda one: (one.stays is not None, -one.version, -len(one.journeys)))),
            self._given,
        )

    def run(self, plan: Plan, clock: Callable[[], datetime]) -> Iterator[int]:
        """Move them, batch by batch; yields how many each batch moved. Who has gone on meanwhile lands from there.

        Ended in the middle, those that were moved stay moved; done again, it goes on with the others.
        """
        ids = sorted(number for group in plan.groups if group.stays is None for number in group.journeys)
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            yield transact(self._database, partial(self._move, batch, clock()))

    def _move(self, ids: Sequence[int], now: datetime, connection: Connection) -> int:
        held = [one for one in moving.hold(connection, ids) if one.version_id != self._live.id]
        landing = [(one, self._landing(one)) for one in held]
        going = [(one, where) for one, where in landing if where.stays is None]
        due = self._due(connection, going, now)
        landed = [self._landed(one, where, due[one.id]) for one, where in going]
        moving.land(connection, self._live.id, landed, now)
        return len(landed)

    def _landing(self, one: Standing) -> Landing:
        landings = self._landings.get(one.version_id)
        return Landing(stays=_UNREADABLE) if landings is None else landings.of(one.step)

    def _landed(self, one: Standing, where: Landing, due: tuple[datetime | None, datetime | None]) -> Landed:
        due_at, began = due
        was, now = self._versions[one.version_id].number, self._live.number
        step = one.step if where.to is None else where.to
        detail: dict[str, Any] = {"from": was, "to": now, "reason": f"v{was} → v{now}"}
        if step != one.step:
            detail |= {"stood_at": one.step, "reason": f"v{was} → v{now}, from '{one.step}'"}
        if began is not None:
            detail |= {"began": began.isoformat()}
        wait = self._waits.get(step or "")
        if due_at is not None:  # also where it stays the same, so that the line says all that holds from now on
            detail |= {"due": due_at.isoformat()}
            if wait is not None and wait.until is not None:
                detail |= {"until": wait.until.text}
        asks = any(rule.event is None for rule in self._new.exits) or (wait is not None and wait.until is not None)
        return Landed(one.id, step, due_at, asks or step is None, detail)

    def _due(
        self, connection: Connection, going: Sequence[tuple[Standing, Landing]], now: datetime
    ) -> dict[int, tuple[datetime | None, datetime | None]]:
        """Return for each journey when its wait ends in the new version, and when it began, where that is told."""
        anew = [one for one, where in going if where.rereads or where.begins]
        people = customers.by_id(connection, [one.customer_id for one in anew]) if anew else {}
        began = moving.began(connection, [one.id for one, where in going if where.rereads])
        found: dict[int, tuple[datetime | None, datetime | None]] = {}
        for one, where in going:
            wait = self._waits.get(where.to or "")
            start = now if where.begins else began.get(one.id) if where.rereads else None
            if wait is None or start is None:
                found[one.id] = (one.due_at, None)
            else:
                found[one.id] = (wait_ends(wait, start, self._zone_of(people[one.customer_id])), start)
        return found

    def _zone_of(self, customer: Customer) -> ZoneInfo:
        return zone_of(customer.timezone, self._zone)

    def _group(self, version: int, step: str | None, ids: list[int], now: datetime) -> Group:
        old, number = self._flows[version], self._versions[version].number
        if old is None:
            return Group(number, step, f"at '{step}'", None, _UNREADABLE, tuple(ids))
        landing = self._landings[version].of(step)
        where = standing(old, step)
        if landing.stays is not None:
            return Group(number, step, where, None, landing.stays, tuple(ids))
        lands = standing(self._new, landing.to)
        over = (
            sum(self._over(ids[at : at + BATCH], landing, now) for at in range(0, len(ids), BATCH))
            if landing.rereads
            else 0
        )
        return Group(number, step, where, lands, None, tuple(ids), over)

    def _over(self, ids: Sequence[int], landing: Landing, now: datetime) -> int:
        with self._database.reading() as connection:
            going = [(one, landing) for one in moving.look(connection, ids)]
            due = self._due(connection, going, now)
        return sum(at is not None and at <= now for at, _ in due.values())

    def _check_given(self) -> None:
        can = can_be_waited_at(self._new)
        known = {step.name for old in self._flows.values() if old is not None for step in walk(old.steps)}
        for old, new in self._given.items():
            if old not in known:
                hint = did_you_mean(old, sorted(known)) or f"there are: {', '.join(sorted(known))}"
                raise PhinError(f"no version of '{self._name}' has a step '{old}'; {hint}")
            if new not in can:
                there = f"they can be put at: {', '.join(can)}" if can else "it has no wait at which they could be put"
                raise PhinError(
                    f"--map {old}={new}: '{new}' is no wait of '{self._name}' v{self._live.number}; "
                    f"{did_you_mean(new, can) or there}"
                )

    def _of_version(self, old: Flow) -> dict[str, str]:
        names = {step.name for step in walk(old.steps)}
        return {one: other for one, other in self._given.items() if one in names}


def _read(version: VersionRow) -> Flow | None:
    try:
        return read_flow(version.source, f"{version.flow}.yaml", None)[0]
    except FileError:
        return None
