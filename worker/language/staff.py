"""`config/staff.yaml` to the staff: people, roles, the morning's digest; and the file followed while Phin runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence as Many
from dataclasses import replace
from datetime import time
from pathlib import Path

import structlog

from worker.domain.addresses import normalise_address
from worker.domain.errors import FileError
from worker.domain.settings import Shop
from worker.domain.staff import EVERYONE, Person, Staff, known_countries
from worker.domain.tasks import PHIN
from worker.domain.zones import zone_names
from worker.language.fields import Fields
from worker.language.files import load_text
from worker.language.nodes import Entry, Mapping, Node, Scalar, Sequence
from worker.language.reading import read_nodes
from worker.language.scalars import is_name, one_line, scalar, time_of_day, word
from worker.language.source import Report
from worker.language.suggestions import did_you_mean
from worker.language.working_time import WorkingTimeReader

FILE = "staff.yaml"
_KEYS = ("digest", "hours", "holidays", "days_off", "people", "roles")
_PERSON = ("name", "email", "phone", "language", "timezone", "hours", "days_off")
_PEOPLE_FORM = "people: {mai: {name: Mai, email: mai@your-shop.example}}"
_ROLE_FORM = "for example: care: [mai, huy]"
_NOBODY_MAY_BE = {EVERYONE: "it means all people", PHIN: "it is said of what nobody did"}

_log = structlog.get_logger(__name__)


def read_staff(path: Path, shown: str, shop: Shop) -> Staff:
    """Read the staff of a shop; a shop without the file has none.

    Parameters:
        shown: how the file is called in problems.
        shop: whose language and time zone are those of people who have no other.

    Raises:
        FileError: the file has errors; all of them.
    """
    if not path.exists():
        return Staff()
    report, root = read_nodes(load_text(path, shown), shown)
    staff = Staff() if root is None else _Reader(report, shop).staff(root)
    if report.failed:
        raise FileError(report.problems)
    return staff


def words_of(staff: Staff) -> frozenset[str]:
    """Return what a task may be assigned to: people, roles, and everyone where there is anybody."""
    return frozenset((*staff.people, *staff.roles, *((EVERYONE,) if staff.people else ())))


class StaffFile:
    """The staff as the file has it now. An edit that breaks the file leaves the last good staff at work, and is told.

    Parameters:
        path: `config/staff.yaml`, which need not be there.
    """

    def __init__(self, path: Path, shop: Shop) -> None:
        self._path = path
        self._shop = shop
        self._lock = threading.Lock()
        self._stamp: object = object()  # what no file has
        self._staff = Staff()
        self._sound = True

    def words(self) -> frozenset[str] | None:
        """Return what a task may be assigned to; None while the file is broken, so that nothing is called unknown."""
        with self._lock:
            self._follow()
            return words_of(self._staff) if self._sound else None

    def __call__(self) -> Staff:
        """Return the staff, read anew where the file has changed."""
        with self._lock:  # who asks while another reads waits for what the file has now
            self._follow()
            return self._staff

    def _follow(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        try:
            self._staff, self._sound = read_staff(self._path, str(self._path), self._shop), True
        except FileError as error:
            self._sound = False
            _log.error("config/staff.yaml cannot be used; the staff stays as it was", why=str(error))
        self._stamp = stamp  # last: where something else failed, the next one who asks reads again


def _stamp(path: Path) -> object:
    """Return what differs where a file has been written, exchanged or made readable; None where there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


class _Reader:
    def __init__(self, report: Report, shop: Shop) -> None:
        self._report = report
        self._shop = shop
        self._times = WorkingTimeReader(report)

    def staff(self, root: Node) -> Staff:
        fields = Fields(self._report, root, "the staff", _KEYS, needed=("people",), form=_PEOPLE_FORM)
        hours, off, digest = (fields.value(key) for key in ("hours", "days_off", "digest"))
        usual = Person("", "", "", self._shop.language, self._shop.timezone)
        week = None if hours is None else self._times.week(hours)
        usual = replace(
            usual,
            week=usual.week if week is None else week,
            days_off=() if off is None else self._times.days_off(off),
            country=self._country(fields),
        )
        people = self._people(fields, usual)
        at = None if digest is None else time_of_day(self._report, digest, "'digest'")
        named = fields.value("people")
        keys = [entry.key.text for entry in named.entries] if isinstance(named, Mapping) else []
        return Staff(people, self._roles(fields, keys), at or time(8, 0))

    def _people(self, fields: Fields, usual: Person) -> dict[str, Person]:
        node = fields.value("people")
        if node is None:
            return {}
        if not isinstance(node, Mapping) or not node.entries:
            self._report.error(node, "'people' are names, each with a name and an e-mail address", _PEOPLE_FORM)
            return {}
        found = (self._person(entry, usual) for entry in node.entries)
        return {person.key: person for person in found if person is not None}

    def _person(self, entry: Entry, usual: Person) -> Person | None:
        key = entry.key.text
        if not is_name(self._report, entry.key, "a person's key"):
            return None
        if key in _NOBODY_MAY_BE:
            self._report.error(entry.key, f"nobody can be called '{key}': {_NOBODY_MAY_BE[key]}")
        form = "{name: Mai, email: mai@your-shop.example}"
        fields = Fields(self._report, entry.value, f"the person '{key}'", _PERSON, needed=("name", "email"), form=form)
        hours, off = fields.value("hours"), fields.value("days_off")
        week = None if hours is None else self._times.week(hours)
        return replace(
            usual,
            key=key,
            name=self._line(fields, "name") or key,
            email=self._email(fields),
            phone=self._line(fields, "phone"),
            language=self._word(fields, "language", self._shop.languages) or usual.language,
            timezone=self._zone(fields) or usual.timezone,
            week=usual.week if week is None else week,
            days_off=usual.days_off + (() if off is None else self._times.days_off(off)),
        )

    def _roles(self, fields: Fields, people: Many[str]) -> dict[str, tuple[str, ...]]:
        node = fields.value("roles")
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self._report.error(node, "'roles' are names, each with a list of people", _ROLE_FORM)
            return {}
        roles: dict[str, tuple[str, ...]] = {}
        for entry in node.entries:
            if not is_name(self._report, entry.key, "a role's name"):
                continue
            if entry.key.text in people:
                message = f"'{entry.key.text}' is a person already; a role has a name of its own"
                self._report.error(entry.key, message)
            roles[entry.key.text] = self._members(entry, people)
        return roles

    def _members(self, entry: Entry, people: Many[str]) -> tuple[str, ...]:
        role, node = entry.key.text, entry.value
        items = node.items if isinstance(node, Sequence) else (node,)
        if not items or (isinstance(node, Scalar) and node.missing):
            message = f"the role '{role}' has nobody in it; whoever a task goes to has to be somebody"
            self._report.error(entry.key, message, _ROLE_FORM)
            return ()
        members: list[str] = []
        for item in items:
            found = scalar(self._report, item, f"who is in the role '{role}'", "a list of people")
            if found is None:
                continue
            if found.text not in people:
                known = ", ".join(people) or "none"
                hint = did_you_mean(found.text, people) or f"there are: {known}"
                self._report.error(found, f"there is no person '{found.text[:60]}' under 'people'", hint)
            elif found.text in members:
                self._report.error(found, f"'{found.text}' is in the role '{role}' twice")
            else:
                members.append(found.text)
        return tuple(members)

    def _email(self, fields: Fields) -> str:
        node = fields.value("email")
        found = None if node is None else scalar(self._report, node, "'email'", "an e-mail address")
        if found is None:
            return ""
        try:
            return normalise_address(found.text)
        except ValueError as error:
            self._report.error(found, str(error), "for example mai@your-shop.example")
            return ""

    def _line(self, fields: Fields, key: str) -> str | None:
        node = fields.value(key)
        return None if node is None else one_line(self._report, node, f"'{key}'")

    def _word(self, fields: Fields, key: str, known: Many[str]) -> str | None:
        node = fields.value(key)
        return None if node is None else word(self._report, node, f"'{key}'", known)

    def _zone(self, fields: Fields) -> str | None:
        node = fields.value("timezone")
        found = None if node is None else scalar(self._report, node, "'timezone'", "a zone such as Asia/Ho_Chi_Minh")
        if found is None or found.text in zone_names():
            return None if found is None else found.text
        hint = did_you_mean(found.text, sorted(zone_names())) or "write one like 'Asia/Ho_Chi_Minh'"
        self._report.error(found, f"'{found.text[:60]}' is no IANA time zone", hint)
        return None

    def _country(self, fields: Fields) -> str | None:
        node = fields.value("holidays")
        found = None if node is None else scalar(self._report, node, "'holidays'", "a country's code such as VN")
        if found is None or found.text in known_countries():
            return None if found is None else found.text
        self._report.error(found, f"'{found.text[:60]}' is no country whose public holidays are known", "write VN")
        return None
