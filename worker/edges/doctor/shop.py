"""What the shop wrote: settings, secrets, flows and templates, and what of a trial must not be left in earnest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from worker.domain.errors import Problem, SettingError, Severity
from worker.domain.settings import Settings
from worker.edges.beforehand import given_faults
from worker.edges.doctor.findings import Findings, fault, fine, note, warning
from worker.edges.doctor.patient import Patient
from worker.edges.lifeline import tied
from worker.edges.metrics_key import METRICS_KEY
from worker.edges.secrets import given
from worker.language.yaml.diagnostics import counted

MOST_TOLD = 3
MOST_SAID = 200  # characters
CHECK_WITHIN = 300.0  # seconds; the doctor leaves it behind before, and it ends with the doctor
SCHEMAS = "schema"  # the folder of schemas for editors
FEW_LETTERS = 8  # different ones in a key that chance made: 43 letters of 64 have about thirty
GUESSED = ("secret", "changeme", "change-me", "password", "example", "12345678", "phin")
_KEYS = ("PHIN_SECRET_KEY", "PHIN_INGEST_KEY", METRICS_KEY)
_MAKE = "make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


def settings(patient: Patient) -> Findings:
    """Look at the settings and at what they mean for a shop in earnest."""
    errors = [one for one in patient.problems if one.severity is Severity.ERROR]
    for problem in errors[:MOST_TOLD]:
        yield fault("shop.settings", "settings", _said(problem), "phin check shows the line, and what to write")
    if not errors:
        yield fine("shop.settings", "settings", str(patient.folder / "config" / "phin.yaml"))
    yield from addresses(patient.settings)
    yield from _access(patient)


def addresses(settings: Settings) -> Findings:
    """Judge the address that stands in every mail."""
    url, host = settings.url, urlsplit(settings.url).hostname or ""
    if settings.smtp_url is None:
        yield note("shop.base-url", "links", f"mails lead to {url}")
    elif settings.base_url is None or _own(host):
        said = f"links of mails lead to {url}, which only this machine reaches: nobody can unsubscribe"
        yield fault("shop.base-url", "links", said, "set base_url (PHIN_BASE_URL): https://mail.YOUR-DOMAIN")
    elif not url.startswith("https://"):
        said = f"links of mails lead to {url}, unencrypted; mail programs warn of it, and tokens can be read"
        yield warning(
            "shop.base-url", "links", said, "have a proxy speak TLS before phin web, and set base_url: https://…"
        )
    else:
        yield fine("shop.base-url", "links", f"mails lead to {url}")


def _own(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


def _access(patient: Patient) -> Findings:
    found = patient.settings
    if found.outbox_access == "everyone" and patient.sends:
        remedy = "set outbox_access: local; captured mails name customers"
        yield warning("shop.outbox", "outbox", "anybody may read captured mails at /outbox", remedy)
    if found.bind not in ("127.0.0.1", "::1", "localhost") and given_quietly(patient.environment, METRICS_KEY) is None:
        remedy = f"to have Prometheus on another machine: {METRICS_KEY}; docs/monitoring.md"
        yield note("shop.metrics", "/metrics", "is for this machine only", remedy)


def secrets(patient: Patient) -> Findings:
    """Look at the keys: given, long, hard to guess, the same on every machine. None of them is ever told."""
    faults = given_faults(patient.environment)
    for said in faults:
        yield fault("shop.secrets", "secrets", said, "correct that variable, or its file")
    for name in _KEYS:
        value = given_quietly(patient.environment, name)
        if value is not None and guessable(value):
            said = f"{name} can be guessed: whoever does signs links, or sends events, in the shop's name"
            yield fault("shop.guessable", "secrets", said, _MAKE)
    made = [name for name in _KEYS[:2] if given_quietly(patient.environment, name) is None]
    folder = patient.settings.var / "secrets"
    if made and patient.database_file is None:
        said = f"{' and '.join(made)} not set: each machine makes its own, and refuses the links of the others"
        yield fault("shop.secrets-apart", "secrets", said, f"set them alike everywhere; this machine's are in {folder}")
    elif not faults:
        said = f"made by Phin, in {folder}: keep them with your back-ups" if made else "given by the environment"
        yield fine("shop.secrets", "secrets", said)


def guessable(value: str) -> bool:
    """Say whether a person wrote a key, and not chance."""
    keys = [item.partition(":")[2] or item for item in value.replace("\n", ",").split(",") if item.strip()]
    return any(len(set(_less_guessed(key.strip().lower()))) < FEW_LETTERS for key in keys)


def _less_guessed(key: str) -> str:
    for word in GUESSED:
        key = key.replace(word, "")
    return key


def given_quietly(environment: Mapping[str, str], name: str) -> str | None:
    """Return a secret that is given; None where there is none, or it cannot be read."""
    try:
        return given(environment, name)
    except SettingError:
        return None


def files(patient: Patient) -> Findings:
    """Check flows, templates and the files beside them, as `phin check` does.

    In a process of its own: it is work for seconds, beside which answers of servers would seem slow.
    """
    done = subprocess.run(
        tied((sys.executable, "-m", "worker.edges.cli", "check", "--format", "json")),
        env={**patient.environment, "PHIN_HOME": str(patient.folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=CHECK_WITHIN,
    )
    try:
        told = json.loads(done.stdout)
    except ValueError:
        yield fault("shop.files", "files", done.stderr.strip()[-MOST_SAID:] or "phin check said nothing", "phin check")
        return
    yield from checked(told)


def checked(told: Mapping[str, Any]) -> Findings:
    """Judge what `phin check --format json` told; a schema for editors that is out of date harms nobody."""
    found = [one for one in told["problems"] if SCHEMAS not in Path(one["file"]).parts]
    errors = [one for one in found if one["severity"] == Severity.ERROR.value]
    flows, templates = counted(told["checked"]["flows"], "flow"), counted(told["checked"]["templates"], "template")
    for one in errors[:MOST_TOLD]:
        where = f"{one['file']}:{one['line']}: " if one["line"] else ""
        yield fault("shop.files", "files", f"{where}{one['message']}", "phin check shows the line, and what to write")
    if len(errors) > MOST_TOLD:
        yield fault("shop.files", "files", f"{counted(len(errors) - MOST_TOLD, 'error')} more", "phin check")
    if not errors and found:
        yield warning(
            "shop.files", "files", f"{counted(len(found), 'warning')} in {flows} and {templates}", "phin check"
        )
    elif not errors:
        yield fine("shop.files", "files", f"{flows} and {templates} without a fault")


def _said(problem: Problem) -> str:
    place = problem.place
    where = f"{place.file}:{place.line}: " if place.line else ""
    return f"{where}{problem.message}"
