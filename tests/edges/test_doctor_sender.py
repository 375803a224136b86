"""`phin doctor` on the sender's DNS: each record that receivers ask for, there, missing, or wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.name_server import NameServer, Zone
from worker.domain.settings import Settings
from worker.edges.dkim_keys import key_records, read_dkim_keys
from worker.edges.doctor import sender
from worker.edges.doctor.dns_lookup import Lookup
from worker.edges.doctor.findings import Finding, Level
from worker.edges.doctor.patient import Patient
from worker.edges.doctor.spf import read_spf

SHOP = {"sender": {"name": "The Coffee", "email": "xin-chao@shop.example"}}
RELAY = "smtp://relay.shop.example"


def zone(**changes: list[str] | None) -> Zone:
    """Return the records of a sender that has all; `TXT_shop` in place of what `shop.example` says, None: not there."""
    records: Zone = {
        ("shop.example", "MX"): ["10 mail.shop.example."],
        ("shop.example", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 include:spf.relay.example -all"', '"something=else"'],
        ("spf.relay.example", "TXT"): ['"v=spf1 ip4:198.51.100.7 ~all"'],
        ("_dmarc.shop.example", "TXT"): ['"v=DMARC1; p=quarantine; rua=mailto:dmarc@shop.example"'],
        ("bounces.shop.example", "MX"): ["10 mail.shop.example."],
        ("mail.shop.example", "A"): ["192.0.2.9"],
        ("relay.shop.example", "A"): ["192.0.2.25"],
    }
    names = {"spf": ("shop.example", "TXT"), "mx": ("shop.example", "MX"), "dmarc": ("_dmarc.shop.example", "TXT")}
    names |= {"bounces": ("bounces.shop.example", "MX"), "links": ("mail.shop.example", "A")}
    for name, value in changes.items():
        if value is None:
            records.pop(names[name])
        else:
            records[names[name]] = value
    return records


@contextmanager
def patient(tmp_path: Path, records: Zone, **settings: Any) -> Iterator[Patient]:
    """A shop that sends, whose name server has these records."""
    given = {"shop": SHOP, "smtp_url": RELAY, "base_url": "https://mail.shop.example", "var": tmp_path}
    with NameServer(records) as server:
        made = Settings.model_validate(given | settings)
        yield Patient(tmp_path, {}, made, (), server.address, 4.0)


def looked(one: Patient) -> dict[str, Finding]:
    return {finding.key: finding for finding in sender.dns(one)}


def test_a_sender_with_all_records_is_well(tmp_path: Path) -> None:
    """Given every record, then nothing is to be done, and SPF is known to name the relay's own address."""
    records = zone() | {("bounces.shop.example", "TXT"): ['"v=spf1 ip4:192.0.2.25 -all"']}
    for settings in ({}, {"bounces": {"domain": "bounces.shop.example"}}):
        with patient(tmp_path, records, **settings) as one:
            found = looked(one)
        assert {key for key, f in found.items() if f.level in (Level.WARNING, Level.FAULT)} == set()
        assert "names the relay" in found["dns.spf"].said


@pytest.mark.parametrize(
    ("changes", "key", "level", "words"),
    [
        ({"mx": None, "spf": None, "dmarc": None}, "dns.sender", Level.FAULT, "receives no mail"),
        ({"mx": ["0 ."]}, "dns.sender", Level.FAULT, "receives no mail"),
        ({"spf": None}, "dns.spf", Level.FAULT, "has no SPF record"),
        ({"spf": ['"v=spf1 -all"', '"v=spf1 ip4:192.0.2.1 -all"']}, "dns.spf-two", Level.FAULT, "2 SPF records"),
        ({"spf": ['"v=spf1 ip4:203.0.113.1 -all"']}, "dns.spf", Level.WARNING, "names neither"),
        ({"spf": ['"v=spf1 include:spf.relay.example -all"']}, "dns.spf", Level.FINE, "includes spf.relay.example"),
        ({"spf": ['"v=spf1 ip4:192.0.2.25 +all"']}, "dns.spf-all", Level.FAULT, "lets everybody send"),
        ({"spf": ['"v=spf1 ip4:192.0.2.25"']}, "dns.spf-end", Level.WARNING, "from elsewhere"),
        ({"spf": ['"v=spf1 include:nowhere.example ~all"']}, "dns.spf-broken", Level.FAULT, "has no SPF record"),
        ({"spf": ['"v=spf1 a:relay.shop.example -all"']}, "dns.spf", Level.FINE, "names the relay"),
        ({"spf": ['"v=spf1 mx/24 -all"']}, "dns.spf", Level.FINE, "names the relay"),
        ({"spf": [f'"v=spf1 {"a:s.example " * 11}-all"']}, "dns.spf-long", Level.FAULT, "11 questions"),
        ({"dmarc": None}, "dns.dmarc", Level.FAULT, "no DMARC record"),
        ({"dmarc": ['"v=DMARC1; p=none"']}, "dns.dmarc", Level.NOTE, "nobody gets reports"),
        ({"dmarc": ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']}, "dns.dmarc", Level.FAULT, "2 records"),
        ({"links": None}, "dns.links", Level.FAULT, "links of mails lead nowhere"),
    ],
)
def test_what_is_wrong_with_a_record_is_told(
    tmp_path: Path, changes: dict[str, list[str] | None], key: str, level: Level, words: str
) -> None:
    """Given a record that is missing or wrong, then it is told with what to publish."""
    with patient(tmp_path, zone(**changes)) as one:
        finding = looked(one)[key]
    assert (finding.level, words in finding.said) == (level, True), finding
    assert bool(finding.remedy) == (level is not Level.FINE)


def test_a_key_that_is_not_ours_is_told(tmp_path: Path) -> None:
    """Given that Phin signs, when our keys are published, not, another, or revoked, then each selector is told."""
    settings = Settings.model_validate({"shop": SHOP, "var": tmp_path, "dkim": {"sign": True}})
    rsa, ed25519 = key_records(settings, read_dkim_keys({}, tmp_path))
    quoted = " ".join(f'"{part}"' for part in rsa.strings)
    cases: list[tuple[list[str], Level, str]] = [
        ([quoted], Level.FINE, "our key is published"),
        ([], Level.FAULT, "nothing is published"),
        (['"v=DKIM1; k=rsa; p="'], Level.FAULT, "is revoked"),
        (['"v=DKIM1; k=rsa; p=MIIBIjANBg"'], Level.FAULT, "another key"),
        ([quoted, '"v=DKIM1; p=MIIB"'], Level.FAULT, "2 keys"),
    ]
    for published, level, words in cases:
        records = zone()
        if published:
            records[rsa.name, "TXT"] = published
        with patient(tmp_path, records, dkim={"sign": True}) as one:
            found = {finding.subject: finding for finding in sender.dns(one)}
        assert (found["DKIM phin"].level, words in found["DKIM phin"].said) == (level, True)
        assert found["DKIM phin-ed25519"].level is Level.FAULT
    assert ed25519.name.startswith("phin-ed25519.")


def test_dkim_without_a_key_makes_none(tmp_path: Path) -> None:
    """Given signing without a key, then it is told, and the doctor makes none: it changes nothing."""
    with patient(tmp_path, zone(), dkim={"sign": True}) as one:
        assert looked(one)["dns.dkim"].said == "dkim.sign is on, and there is no key"
    assert not (tmp_path / "secrets").exists()


def test_a_bounce_domain_that_receives_nothing_is_told(tmp_path: Path) -> None:
    """Given an envelope domain without MX, then its reports go nowhere, and servers refuse it."""
    with patient(tmp_path, zone(bounces=None), bounces={"domain": "bounces.shop.example"}) as one:
        assert looked(one)["dns.bounces"].level is Level.FAULT


def test_domains_apart_from_the_sender_fail_dmarc(tmp_path: Path) -> None:
    """Given an envelope and a signature of another's domain, then DMARC cannot pass; one beside the sender's can."""
    records = zone() | {("other.example", "MX"): ["10 mx."], ("other.example", "TXT"): ['"v=spf1 -all"']}
    with patient(tmp_path, records, bounces={"domain": "other.example"}) as one:
        assert looked(one)["dns.alignment"].level is Level.WARNING
    with patient(tmp_path, records, bounces={"domain": "bounces.shop.example"}) as one:
        assert "dns.alignment" not in looked(one)


@pytest.mark.parametrize("make", [lambda: NameServer(silent=True), lambda: NameServer(broken=True)])
def test_a_name_server_that_does_not_answer_is_told_soon(tmp_path: Path, make: Callable[[], NameServer]) -> None:
    """Given a name server that is silent or broken, then that is told, and what to do without it."""
    with make() as server:
        made = Settings.model_validate({"shop": SHOP, "smtp_url": RELAY, "var": tmp_path})
        (finding,) = sender.dns(Patient(tmp_path, {}, made, (), server.address, 0.5))
    assert (finding.key, finding.level) == ("dns.away", Level.WARNING)
    assert "--no-dns" in (finding.remedy or "")


def test_records_that_include_each_other_end(tmp_path: Path) -> None:
    """Given SPF records in a circle, then reading them ends, and the count of questions tells."""
    circle: Zone = {
        (f"{one}.example", "TXT"): [f'"v=spf1 include:{other}.example -all"'] for one, other in ("ab", "ba")
    }
    with NameServer(circle) as server:
        found = read_spf(Lookup(server.address, 4.0), "a.example")
    assert found.questions > 10


def test_a_shop_that_sends_nothing_asks_nobody(tmp_path: Path) -> None:
    """Given captured mail, then no name server is asked."""
    with NameServer() as server:
        made = Settings.model_validate({"shop": SHOP, "var": tmp_path})
        (finding,) = sender.dns(Patient(tmp_path, {}, made, (), server.address, 1.0))
        assert (finding.level, server.asked) == (Level.NOTE, [])
