"""The relays: reached, encrypted, logged in to, and what they or domains refuse just now. No mail is sent."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime

from worker.delivery.smtp_relay import Relay, parse_relays
from worker.delivery.smtp_session import NotOpenedError, open_session
from worker.domain.addresses import masked
from worker.domain.breakers import BreakerState
from worker.domain.errors import SettingError
from worker.domain.server_urls import Security
from worker.edges.doctor.findings import Findings, fault, fine, note, warning
from worker.edges.doctor.patient import Patient
from worker.storage import relays as rows
from worker.storage.bounce_mailboxes import listed
from worker.storage.reports import untaken

EXPIRES_SOON = 14  # days
LOG_IN_IN_THE_CLEAR = "a password travels there unencrypted"
_TLS_REMEDY = "write smtp+starttls:// or smtps:// in smtp_url (PHIN_SMTP_URL), with the port that the provider names"


def relays(patient: Patient) -> Findings:
    """Speak to each relay as far as a sender does before its first mail."""
    url = patient.settings.smtp_url
    if url is None:
        remedy = "set PHIN_SMTP_URL to send: smtp+starttls://user:password@host:587"
        yield note("mail.captured", "mail", "captured in var/outbox; nothing leaves this machine", remedy)
        return
    try:
        named = parse_relays(url)
    except SettingError as error:
        yield fault("mail.url", "smtp_url", str(error), "correct PHIN_SMTP_URL")
        return
    for name, relay in named.items():
        yield from _relay(f"relay {name}", relay, patient.within)


def _relay(subject: str, relay: Relay, within: float) -> Findings:
    context = ssl.create_default_context()
    if not relay.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        session = open_session(relay, context, within, None, time.monotonic)
    except NotOpenedError as error:
        code = f"{error.code} " if error.code else ""
        remedy = "mail waits until it is taken; check host, port, user and password of PHIN_SMTP_URL, and its firewall"
        yield fault("mail.relay", subject, masked(f"{code}{error}"), remedy)
        return
    try:
        certificate = session.certificate()
        logged_in = "logged in" if relay.user is not None else "no log-in"
        how = "not encrypted" if certificate is None else "encrypted"
        yield fine("mail.relay", subject, f"{relay} answers, {how}, {logged_in}")
        if certificate is None:
            yield from _in_the_clear(subject, relay)
        elif not certificate:
            remedy = "take '?verify=no' out of smtp_url, once its certificate is one that this machine trusts"
            yield warning("mail.certificate", subject, "its certificate is not checked (verify=no)", remedy)
        else:
            yield from expiry(subject, str(certificate.get("notAfter", "")), datetime.now(UTC))
    finally:
        session.quit()


def _in_the_clear(subject: str, relay: Relay) -> Findings:
    if relay.host in ("127.0.0.1", "localhost", "::1"):
        return
    if relay.user is not None:
        yield fault("mail.tls", subject, LOG_IN_IN_THE_CLEAR, _TLS_REMEDY)
    elif relay.security is Security.OFFERED:
        said = "it offers no TLS, so everybody on the way may read the mails"
        yield warning("mail.tls", subject, said, _TLS_REMEDY)


def expiry(subject: str, not_after: str, now: datetime) -> Findings:
    """Judge until when a certificate is good.

    Parameters:
        not_after: as `ssl.SSLSocket.getpeercert` tells it: `Jun  9 12:00:00 2027 GMT`.
    """
    try:
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    except ValueError:
        return
    days = (until - now).days
    said = f"its certificate is good until {until:%Y-%m-%d} ({days} days)"
    if days < EXPIRES_SOON:
        remedy = "have it renewed: from that day on no mail is handed over to this relay"
        yield warning("mail.certificate", subject, said, remedy)
    else:
        yield fine("mail.certificate", subject, said)


def refusing(patient: Patient) -> Findings:
    """Look at what refuses our mail just now, what waits for it, and the mailbox of reports."""
    with patient.reading() as connection:
        shut = [one for one in rows.all_breakers(connection) if one.state is not BreakerState.CLOSED]
        waiting = untaken(connection)
        boxes = listed(connection)
    for one in shut:
        said = " ".join(f"{one.code or ''} {masked(one.answer)}".split())[:160]
        if one.key.domain:
            remedy = "phin relays tells when it is asked again; the sender's records are under 'sender' here"
            yield warning("mail.breaker", one.key.domain, f"refuses mail by {one.key.relay}: {said}", remedy)
        else:
            remedy = "phin relays; what it refuses holds for all mail, so have its operator say why"
            yield fault("mail.breaker", f"relay {one.key.relay}", f"takes no mail: {said}", remedy)
    if waiting is not None:
        said = f"{waiting.mails:,} mails wait for the relay: {masked(waiting.answer)[:160]}"
        yield warning("mail.waiting", "waiting", said, "phin relays; they go as soon as it takes them")
    for box in boxes:
        if box.failed_at is not None:
            said = f"the mailbox of reports cannot be read: {masked(box.failure or '')[:160]}"
            yield warning("mail.mailbox", "bounces", said, "check PHIN_BOUNCES_IMAP_URL; phin bounces")
    if not shut and waiting is None:
        yield fine("mail.breaker", "refusals", "nobody refuses our mail just now")
