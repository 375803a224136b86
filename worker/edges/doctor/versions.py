"""What runs here: Python, Phin, the packages beneath it against what is locked, time zones."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from zoneinfo import TZPATH

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from worker.edges.doctor.findings import Findings, fault, fine, note, warning
from worker.edges.doctor.patient import Patient

LOCK = Path(__file__).parents[3] / "requirements.lock"  # of a checkout; an installed package has none
MOST_NAMED = 4
ZONES_OLD_AFTER = 2  # years, by the name of a release: governments change their clocks at short notice
NOT_OURS = ("pip", "setuptools", "wheel")  # what installs is no part of what runs
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+?)(?:\s*;\s*([^\\]+))?\s*\\?$", re.MULTILINE)


def versions(patient: Patient) -> Findings:
    """Look at Python, Phin and the database of time zones."""
    yield fine("version.python", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield fine("version.phin", "Phin", metadata.version("phin"))
    yield from zones(patient.settings.shop.timezone, datetime.now(UTC))


def packages(_patient: Patient) -> Findings:
    """Look at the packages that Phin needs."""
    yield from needed(metadata.requires("phin") or [])
    if LOCK.is_file():
        yield from locked(LOCK.read_text())


def needed(requirements: Iterable[str]) -> Findings:
    """Hold what is installed against what Phin says that it needs."""
    missing, other, count = [], [], 0
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        found = _installed(requirement.name)
        if found is None:
            missing.append(requirement.name)
        elif not requirement.specifier.contains(found, prereleases=True):
            other.append(f"{requirement.name} {found} (needs {requirement.specifier})")
    if missing or other:
        said = "; ".join([*(f"{name} is not installed" for name in missing), *other])
        yield fault("packages.needed", "packages", said, f"pip install -e {LOCK.parent}, or 'make install' there")
    else:
        yield fine("packages.needed", "packages", f"the {count} that Phin needs are installed")


def locked(text: str) -> Findings:
    """Hold what is installed against a file of pinned versions."""
    differing, count = [], 0
    for name, version, marker in _PINNED.findall(text):
        if name in NOT_OURS:
            continue
        if marker.strip() and not Marker(marker.strip()).evaluate():
            continue
        count += 1
        found = _installed(name)
        if found is not None and found != version:
            differing.append(f"{name} {found} (locked {version})")
    if not count:
        return
    if differing:
        more = f" and {len(differing) - MOST_NAMED} more" if len(differing) > MOST_NAMED else ""
        said = f"not as locked: {', '.join(differing[:MOST_NAMED])}{more}"
        remedy = f"pip install --require-hashes -r {LOCK.name}; these versions were not tried together"
        yield warning("packages.locked", "lock", said, remedy)
    else:
        yield fine("packages.locked", "lock", f"as in {LOCK.name}")


def zones(name: str, now: datetime) -> Findings:
    """Look at the database of time zones, by which quiet hours and birthdays are read."""
    packaged = _installed("tzdata") or ""
    system = next((root for root in TZPATH if (Path(root) / name).is_file()), None)
    where = f"of the machine ({system})" if system else f"of the package tzdata {packaged}"
    year = int(packaged[:4]) if packaged[:4].isdigit() else now.year
    if system is None and year <= now.year - ZONES_OLD_AFTER:
        remedy = "pip install --upgrade tzdata: since then countries have changed their clocks"
        yield warning("version.zones", "time zones", f"{where}, of {year}", remedy)
    elif system is not None:
        yield note("version.zones", "time zones", where)
    else:
        yield fine("version.zones", "time zones", where)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(canonicalize_name(name))
    except metadata.PackageNotFoundError:
        return None
