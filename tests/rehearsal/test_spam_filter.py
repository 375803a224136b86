"""SpamAssassin, offline, finds nothing to complain about in any shipped mail as it goes over the wire."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from worker.delivery import mime
from worker.delivery.envelope import return_path
from worker.delivery.headers import MailHeaders
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.domain.settings import Settings
from worker.domain.staff import Staff
from worker.edges.dkim_keys import dkim_signer
from worker.language.config.seasons import read_seasons
from worker.language.config.settings import read_settings
from worker.language.library import read_library
from worker.rehearsal.previewing import Asked, Previewed, Previewing
from worker.storage.claims import Claimed

RULES = Path("/usr/share/spamassassin")  # of Debian's package; what a machine fetched later is not asked
COMPLAINT = 0.05  # points; what says something of a mail without blaming it for it has none, tests of rules have 0.01
DOMAIN = "the-coffee.example"

# What a mail may earn all the same, by language, each with its reason. Without a network (-L) no rule asks anybody:
# DKIM, SPF, DMARC, blocklists and the age of domains count neither for a mail nor against it, so none stands here.
EXPLAINED = {
    # counts "e" with marks against bare ones, as spammers disguise words; its authors take out Polish, Czech, Slovak,
    # Croatian and Greek. In Vietnamese "ê" and "é" are letters, and whether there are too many hangs on the bare ones
    # in the links' tokens.
    "MIXED_ES": {"vi"},
}
_NAME = re.compile(r"^X-Phin-Name: (\S+)", re.MULTILINE)
_POINTS = re.compile(r"^\s*(-?\d+\.\d+)\s+([A-Z][A-Z0-9_]{2,})", re.MULTILINE)


def shop(folder: Path) -> Settings:
    """Return the shipped settings of a shop in production: its own address for links, reports, signatures."""
    shipped = read_settings(ROOT / "config" / "phin.yaml", {}).model_dump()
    changes = {"base_url": f"https://mail.{DOMAIN}", "var": folder, "dkim": {"sign": True}}
    return Settings.model_validate({**shipped, **changes})


def finished(settings: Settings, now: datetime) -> Iterator[tuple[str, bytes]]:
    """Yield each shipped template in each language as a signed mail to somebody who may be followed, by its name."""
    library = TemplateLibrary(ROOT / "templates", settings.shop, fields=settings.fields)
    seasons = read_seasons(ROOT / "config" / "seasons.yaml", "seasons.yaml")
    previewing = Previewing(settings, library, Staff(), seasons)
    flows = {name: file.flow for name, file in read_library(ROOT / "flows", None).flows.items()}
    headers, tokens = MailHeaders(DOMAIN), Tokens([b"a secret of the test"])
    signer = dkim_signer(settings, {})
    assert signer is not None
    templates = [(name, language) for name in library.names() for language in ("vi", "en")]
    for number, (name, language) in enumerate(templates, 1):
        seen = previewing.preview(Asked(name, language=language), flows, now)
        message = claimed(number, name, seen, now)
        refusal = re.search(r'"(https://[^"]+/u/[^"]+)"', seen.followed.html)
        content = mime.build(
            seen.followed,
            to_name=seen.to_name,
            to_email=seen.to_email or "mai@example.com",
            message_id=headers.message_id(message),
            date=now,
            headers=headers.of(message, refusal and refusal[1]),
            boundary=f"=_{number:024x}",
        )
        path = return_path(tokens, f"bounces.{DOMAIN}", number)
        yield f"{name}.{language}", arrived(signer.sign(content, now), path, now)


def claimed(number: int, name: str, seen: Previewed, now: datetime) -> Claimed:
    """Return the message that such a mail would be of."""
    staff = "mai" if name.startswith("staff/") else None
    return Claimed(number, f"k{number}", 1, seen.kind, name, now, 0, None, name, "s", None, {}, None, staff=staff)


def arrived(content: bytes, path: str, now: datetime) -> bytes:
    """Return a mail as the receiver's server has it, which wrote down where it came from."""
    relay = f"mail.{DOMAIN}"
    return (
        f"Return-Path: <{path}>\r\n"
        f"Received: from {relay} ({relay} [9.9.9.9])\r\n\tby mx.example.com (Postfix) with ESMTPS id 4XabcDEF\r\n"
        f"\tfor <lan@example.com>; {format_datetime(now)}\r\n"
    ).encode() + content


def test_no_shipped_mail_is_complained_about(tmp_path: Path) -> None:
    """Given every shipped template in both languages, finished and signed, then no rule has anything against it.

    One more mail, which pretends to come from a program of another kind, shows that rules are read and do find.
    """
    program = shutil.which("spamassassin")
    if program is None:
        pytest.skip("no SpamAssassin on this machine; apt-get install spamassassin")
    mails = dict(finished(shop(tmp_path), datetime.now(UTC)))  # SpamAssassin has a clock of its own
    assert len(mails) > 80
    mails["bad.en"] = next(iter(mails.values())).replace(b"MIME-Version: 1.0", b"X-Mailer: The Bat! (v1.52f)")
    box = tmp_path / "mails.mbox"
    box.write_bytes(
        b"".join(
            b"From phin@example.com Sun Nov 22 05:00:00 2026\nX-Phin-Name: %b\n%b\n\n"
            % (name.encode(), content.replace(b"\r\n", b"\n"))
            for name, content in mails.items()
        )
    )
    told = subprocess.run(
        [program, "--local", "--nocreate-prefs", "--test-mode", "--configpath", str(RULES), "--mbox", str(box)],
        capture_output=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        check=True,
    ).stdout.decode("utf-8", "replace")
    reports = told.split("\nContent analysis details:")
    names = [_NAME.search(part) for part in reports[:-1]]
    found = {
        match[1]: {rule for points, rule in _POINTS.findall(part.split("\n\n\n")[0]) if float(points) >= COMPLAINT}
        for match, part in zip(names, reports[1:], strict=True)
        if match is not None
    }
    assert found.keys() == mails.keys()
    complaints = {
        name: blamed
        for name, rules in found.items()
        if (blamed := {rule for rule in rules if name[-2:] not in EXPLAINED.get(rule, set())})
    }
    assert complaints.keys() == {"bad.en"}, complaints
