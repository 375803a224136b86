"""`config/staff.yaml` to the staff: people, roles, the morning's digest; and the file followed while Phin runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence as Many
from dataclasses import replace
from datetime import time
from pathlib import Path

import structlog

from worker.domain.addresses import normalise_address
from worker.domain.calendars.free_days import known_countries
from worker.domain.errors import FileError, Problem
from worker.domain.setting_groups import Shop
from worker.domain.staff import EVERYONE, Person, Staff
from worker.domain.tasks import PHIN
from worker.domain.zones import zone_names
from worker.language.config.working_time import WorkingTimeReader
from worker.language.yaml.diagnostics import as_text
from worker.language.yaml.fields import Fields
from worker.language.yaml.files import load_text
from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.scalars import is_name, one_line, scalar, time_of_day, word
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean

FILE = "staff.yaml"
KEYS = ("digest", "hours", "holidays", "days_off", "people", "roles")
PERSON = ("name", "email", "phone", "language", "timezone", "hours", "days_off")
_PEOPLE_FORM = "people: {mai: {name: Mai, email: mai@your-shop.example}}"
_ROLE_FORM = "for example: care: [mai, huy]"
_NOBODY_MAY_BE = {EVERYONE: "it means all people", PHIN: "it is said of what nobody did"}
_STAYS = "the staff stays as it was when the file was last good"

_log = structlog.get_logger(__name__)


def read_staff(path: Path, shown: str, shop: Shop) -> Staff:
    """Read the staff of a shop; a shop without the file has none.

    Parameters:
        shown: how the file is called in problems.
        shop: whose language and time zone are those of people who have no other.

    Raises:
        FileError: the file has errors; all of them.
    """
    return _staff_of(load_text(path, shown), shown, shop) if path.exists() else Staff()


def _staff_of(text: str, shown: str, shop: Shop) -> Staff:
    report, root = read_nodes(text, shown)
    staff = Staff() if root is None else _Reader(report, shop).staff(root)
    if report.failed:
        raise FileError(report.problems)
    return staff


def words_of(staff: Staff) -> frozenset[str]:
    """Return what a task may be assigned to: people, roles, and everyone where there is anybody."""
    return frozenset((*staff.people, *staff.roles, *((EVERYONE,) if staff.people else ())))


class StaffFile:
    """The staff as the file has it now. An edit that breaks the file leaves the last good staff at work, and is told.

    The text of the last good file is kept on this machine, so that a start with a broken one has its people too.

    Parameters:
        path: `config/staff.yaml`, which need not be there.
        shown: how the file is called in problems.
        kept: where the last good text is kept; None keeps none.
        quiet: whether problems are left to whoever asks for them.
    """

    def __init__(
        self, path: Path, shop: Shop, shown: str | None = None, kept: Path | None = None, *, quiet: bool = False
    ) -> None:
        self._path = path
        self._shown = shown or str(path)
        self._kept = kept
        self._shop = shop
        self._quiet = quiet
        self._lock = threading.Lock()
        self._stamp: object = object()  # what no file has
        self._staff = Staff(lost=True)
        self._problems: tuple[Problem, ...] = ()

    def words(self) -> frozenset[str] | None:
        """Return what a task may be assigned to; None while the file is broken, so that nothing is called unknown."""
        with self._lock:
            self._follow()
            return None if self._problems else words_of(self._staff)

    def problems(self) -> tuple[Problem, ...]:
        """Return what keeps the file from being used now; nothing while it can be."""
        with self._lock:
            self._follow()
            return self._problems

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
            text = None if stamp is None else load_text(self._path, self._shown)
            self._staff, self._problems = Staff() if text is None else _staff_of(text, self._shown, self._shop), ()
            if text is not None:
                self._keep(text)
        except FileError as error:
            self._problems = error.problems
            if not self._staff.people:
                self._staff = self._last_good()
            self._tell()
        self._stamp = stamp  # last: where something else failed, the next one who asks reads again

    def _keep(self, text: str) -> None:
        if self._kept is None:
            return
        try:
            if self._kept.exists() and self._kept.read_bytes() == text.encode():
                return
            fresh = self._kept.with_name(f"{self._kept.name}.{os.getpid()}-{threading.get_ident()}")
            fresh.write_bytes(text.encode())
            fresh.replace(self._kept)
        except OSError as error:
            _log.warning("the last good staff cannot be kept", kept=str(self._kept), why=str(error))

    def _last_good(self) -> Staff:
        """Return the staff of the text that was kept; where there is none that can be used, it is not known who is."""
        if self._kept is None or not self._kept.exists():
            return Staff(lost=True)
        try:
            return _staff_of(load_text(self._kept, str(self._kept)), str(self._kept), self._shop)
        except FileError:
            return Staff(lost=True)

    def _tell(self) -> None:
        if self._quiet:
            return
        lost = "nobody is known, so nobody gets tasks or mails or can sign in" if self._staff.lost else _STAYS
        told = "\n".join(as_text(one) for one in self._problems)
        _log.error(f"{self._shown} cannot be used: {lost}. Mend it and save it; 'phin check' tells the same\n{told}")


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
        fields = Fields(self._report, root, "the staff", KEYS, needed=("people",), form=_PEOPLE_FORM)
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
        fields = Fields(self._report, entry.value, f"the person '{key}'", PERSON, needed=("name", "email"), form=form)
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
