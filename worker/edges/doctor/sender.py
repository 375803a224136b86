"""The DNS of the sender: what receivers ask before they believe that a mail is the shop's.

Large receivers take mass mail with SPF or DKIM of a domain that is aligned with From, and DMARC, only
(https://support.google.com/a/answer/81126).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from worker.delivery.smtp_relay import parse_relays
from worker.domain.errors import SettingError
from worker.edges.dkim_keys import ED25519, RSA, KeyRecord, dkim_domain, key_records, read_dkim_keys
from worker.edges.doctor.dns_lookup import Lookup, NoAnswerError
from worker.edges.doctor.findings import Findings, fault, fine, note, warning
from worker.edges.doctor.patient import Patient
from worker.edges.doctor.spf import MOST_QUESTIONS, Spf, read_spf
from worker.edges.secrets import given

UNSET = "localhost.localdomain"  # the domain of the sender that nobody set


def dns(patient: Patient) -> Findings:
    """Look up all that belongs to the sender."""
    sender = patient.settings.shop.sender.email.rpartition("@")[2]
    if sender == UNSET or not patient.sends:
        said = "not looked up: " + ("the sender is not set" if sender == UNSET else "no mail leaves this machine")
        if sender == UNSET and patient.sends:
            remedy = "set shop.sender.email to an address at a domain of yours"
            yield fault("dns.sender", "sender", "mails come from hello@localhost.localdomain", remedy)
        else:
            yield note("dns.sender", "sender", said)
        return
    try:
        lookup = Lookup(patient.resolver, patient.within)
        yield from _domain(lookup, sender)
        yield from _spf(patient, lookup, patient.settings.bounces.domain or sender)
        yield from _dkim(patient, lookup)
        yield from dmarc(lookup, sender)
        yield from _aligned(patient, sender)
        yield from _bounces(patient, lookup)
        yield from _links(patient, lookup)
    except NoAnswerError as error:
        remedy = "look at /etc/resolv.conf, or ask another: phin doctor --resolver 1.1.1.1; --no-dns leaves it out"
        yield warning("dns.away", "DNS", str(error), remedy)


def _domain(lookup: Lookup, domain: str) -> Findings:
    exchanges = lookup.exchanges(domain)
    if any(one.host for one in exchanges):
        yield fine("dns.sender", "sender", f"{domain} receives mail at {exchanges[0].host}")
    elif not exchanges and lookup.addresses(domain):
        yield note("dns.sender", "sender", f"{domain} has no MX record; answers go to its address itself")
    else:
        said = f"{domain} receives no mail (no MX record): answers are lost, and many servers refuse such a sender"
        yield fault("dns.sender", "sender", said, f"publish: {domain}. IN MX 10 YOUR-MAIL-SERVER.")


def _spf(patient: Patient, lookup: Lookup, domain: str) -> Findings:
    found = read_spf(lookup, domain)
    subject = "SPF"
    if not found.records:
        said = f"{domain} has no SPF record: nobody knows which servers may send for it"
        yield fault(
            "dns.spf", subject, said, f'publish what your relay names: {domain}. IN TXT "v=spf1 include:… -all"'
        )
        return
    for key, wrong, remedy in _spf_faults(found, domain):
        yield fault(key, subject, wrong, remedy)
    if len(found.records) > 1:
        return
    own = [address for host in _relay_hosts(patient) for address in _quietly(lookup, host)]
    if any(found.names(address) for address in own):
        yield fine("dns.spf", subject, f"{domain} names the relay ({found.questions} of {MOST_QUESTIONS} questions)")
    elif found.includes:
        said = f"{domain} includes {', '.join(found.includes)}; that your relay sends from there, its operator knows"
        yield fine("dns.spf", subject, said)
    else:
        said = f"{domain} names neither the relay's address nor a provider's record"
        yield warning("dns.spf", subject, said, "add what your relay's operator names: include:…, or ip4:ADDRESS")
    if found.ends not in ("-all", "~all") and not found.everybody:
        said = f"{domain} does not say what to do with mail from elsewhere"
        yield warning("dns.spf-end", subject, said, "end the record by -all, or by ~all for a start")


def _spf_faults(found: Spf, domain: str) -> list[tuple[str, str, str]]:
    faults = []
    if len(found.records) > 1:
        said = f"{domain} has {len(found.records)} SPF records, which receivers count as none (RFC 7208, 4.5)"
        faults.append(("dns.spf-two", said, "join them to one: v=spf1 include:… include:… -all"))
    if found.questions > MOST_QUESTIONS:
        said = f"{domain} takes {found.questions} questions to the DNS; after {MOST_QUESTIONS} receivers give up"
        faults.append(("dns.spf-long", said, "take out includes that nobody sends by, or write ip4: in their place"))
    if found.everybody:
        faults.append(("dns.spf-all", f"{domain} lets everybody send in its name (+all)", "end the record by -all"))
    faults += [("dns.spf-broken", f"{domain}: {one}", "correct that include, or take it out") for one in found.broken]
    return faults


def _relay_hosts(patient: Patient) -> list[str]:
    try:
        return [relay.host for relay in parse_relays(patient.settings.smtp_url or "").values()]
    except SettingError:
        return []


def _quietly(lookup: Lookup, host: str) -> list[str]:
    try:
        return [*lookup.addresses(host), host]
    except NoAnswerError:
        return [host]


def _dkim(patient: Patient, lookup: Lookup) -> Findings:
    settings = patient.settings
    if not settings.dkim.sign:
        remedy = "where your relay does not sign either: publish what 'phin dkim' prints, then set dkim.sign: true"
        yield note("dns.dkim-off", "DKIM", "Phin does not sign; most providers' relays do", remedy)
        return
    folder = settings.var / "secrets"
    there = any(given(patient.environment, name) for name in (RSA, ED25519)) or (folder / "dkim_rsa.pem").exists()
    if not there:
        yield fault(
            "dns.dkim", "DKIM", "dkim.sign is on, and there is no key", "phin dkim makes one and prints its records"
        )
        return
    for record in key_records(settings, read_dkim_keys(patient.environment, settings.var)):
        yield from key_record(lookup, record)


def key_record(lookup: Lookup, record: KeyRecord) -> Findings:
    """Hold what is published at a selector against our own key."""
    selector = record.name.partition("._domainkey.")[0]
    published = [_tags(text) for text in lookup.texts(record.name)]
    keys = [tags.get("p", "") for tags in published if tags.get("v", "DKIM1") == "DKIM1" and "p" in tags]
    subject, remedy = f"DKIM {selector}", "publish what 'phin dkim' prints; until then signed mails do not verify"
    if not keys:
        yield fault("dns.dkim", subject, f"nothing is published at {record.name}", remedy)
    elif len(keys) > 1:
        yield fault("dns.dkim", subject, f"{len(keys)} keys are published at {record.name}", "leave one of them")
    elif keys[0] != _tags(record.value)["p"]:
        said = f"another key is published at {record.name}" if keys[0] else f"the key at {record.name} is revoked"
        yield fault(
            "dns.dkim", subject, said, remedy + "; or this machine has other keys than the rest (docs/sending.md)"
        )
    else:
        yield fine("dns.dkim", subject, f"our key is published at {record.name}")


def _tags(text: str) -> dict[str, str]:
    """Return the tags of a record of DKIM or DMARC; blanks within a key mean nothing (RFC 6376, 3.6.1)."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}


def dmarc(lookup: Lookup, domain: str) -> Findings:
    """Look what receivers are asked to do with mail that is not the domain's, there or at a domain above."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        found = [one for one in map(_tags, lookup.texts(f"_dmarc.{name}")) if one.get("v") == "DMARC1"]
        if len(found) > 1:
            said = f"_dmarc.{name} has {len(found)} records, which count as none"
            yield fault("dns.dmarc", "DMARC", said, "leave one of them")
            return
        if found:
            policy = found[0].get("sp" if start and "sp" in found[0] else "p", "none")
            told = "" if "rua" in found[0] else "; nobody gets reports (rua=mailto:…)"
            if policy == "none":
                remedy = "once reports show that only yours passes: p=quarantine"
                yield note("dns.dmarc", "DMARC", f"{name} asks for nothing to be done (p=none){told}", remedy)
            else:
                yield fine("dns.dmarc", "DMARC", f"{name} says p={policy}{told}")
            return
    said = f"{domain} has no DMARC record; large receivers refuse mass mail without one"
    yield fault("dns.dmarc", "DMARC", said, f'publish: _dmarc.{domain}. IN TXT "v=DMARC1; p=none; rua=mailto:YOU"')


def _aligned(patient: Patient, sender: str) -> Findings:
    """Look whether DMARC can pass: the domain that signs, or that of the envelope, has to be near the sender's."""
    settings = patient.settings
    domains = {"that signs": dkim_domain(settings) if settings.dkim.sign else sender}
    domains["of the envelope"] = settings.bounces.domain or sender
    apart = [f"the domain {what} ({one})" for what, one in domains.items() if not _near(one, sender)]
    if len(apart) == len(domains) or (apart and not settings.dkim.sign):
        said = f"{' and '.join(apart)} is another than the sender's ({sender}): DMARC fails"
        remedy = "use a domain beneath the sender's: bounces.SENDER for bounces.domain, the sender's for dkim.domain"
        yield warning("dns.alignment", "alignment", said, remedy)


def _near(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}") or _above(one) == _above(other)


def _above(domain: str) -> str:
    """Return the domain above, unless anybody may register beneath it (com.vn), as far as its length tells."""
    parent = domain.partition(".")[2]
    return parent if parent.count(".") >= 1 and len(parent.split(".")[-2]) > 3 else domain


def _bounces(patient: Patient, lookup: Lookup) -> Findings:
    domain = patient.settings.bounces.domain
    if domain is None:
        remedy = "set bounces.domain: docs/bounces.md; then dead addresses are suppressed by themselves"
        yield note("dns.bounces", "bounces", "reports of returned mails go to the sender's own mailbox", remedy)
        return
    exchanges = [one for one in lookup.exchanges(domain) if one.host]
    if exchanges:
        yield fine("dns.bounces", "bounces", f"{domain} receives reports at {exchanges[0].host}")
    else:
        said = f"{domain} receives nothing (no MX record), and servers refuse an envelope sender that cannot be"
        yield fault("dns.bounces", "bounces", said, f"publish: {domain}. IN MX 10 YOUR-MAIL-SERVER.; docs/bounces.md")


def _links(patient: Patient, lookup: Lookup) -> Findings:
    host = urlsplit(patient.settings.url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") or host.replace(".", "").isdigit():
        return  # told with the settings
    if lookup.addresses(host):
        yield fine("dns.links", "links", f"{host} has an address")
    else:
        said = f"{host} has no address: links of mails lead nowhere, and nobody can unsubscribe"
        yield fault("dns.links", "links", said, "publish an A record of the host of base_url, or correct base_url")
