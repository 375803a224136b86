"""Is a request really from the provider that it names: SendGrid's, Mailgun's and Postmark's ways to show it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from worker.domain.errors import PhinError

OLDEST = timedelta(hours=25)  # providers try for a day at most
AHEAD = timedelta(minutes=10)
SENDGRID_SIGNATURE = "x-twilio-email-event-webhook-signature"
SENDGRID_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"


class RefusedError(PhinError):
    """A request that is not taken; `status` is the answer, the message says why, for the log alone."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def check_sendgrid(
    keys: Sequence[EllipticCurvePublicKey], headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Check the signature of SendGrid's event webhook: ECDSA with SHA-256 over the timestamp and the raw body.

    Raises:
        RefusedError: it does not hold.
    """
    signature = _base64(headers.get(SENDGRID_SIGNATURE, ""))
    timestamp = headers.get(SENDGRID_TIMESTAMP, "")
    _in_time(timestamp, now)
    for key in keys:
        try:
            key.verify(signature, timestamp.encode() + body, ECDSA(SHA256()))
        except InvalidSignature:
            continue
        return
    raise RefusedError(403, "its signature is none of SendGrid's; is PHIN_SENDGRID_KEY the key of this webhook?")


def check_mailgun(keys: Sequence[bytes], body: Any, now: datetime) -> str:
    """Check Mailgun's signature: HMAC-SHA256 over timestamp and token; returns the token, which is good once.

    The body is not signed, so whoever remembers the token must hold it to this body.

    Raises:
        RefusedError: it does not hold.
    """
    told = body.get("signature") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        raise RefusedError(401, "it holds no signature of Mailgun's")
    timestamp, token, signature = (str(told.get(name, "")) for name in ("timestamp", "token", "signature"))
    if not 20 <= len(token) <= 200 or not token.isascii():
        raise RefusedError(403, "its token is none of Mailgun's")
    given = signature.encode("utf-8", "replace")
    holds = False
    for key in keys:
        made = hmac.new(key, f"{timestamp}{token}".encode("utf-8", "replace"), hashlib.sha256).hexdigest().encode()
        holds |= hmac.compare_digest(made, given)
    if not holds:
        raise RefusedError(403, "its signature is none of Mailgun's; is PHIN_MAILGUN_KEY the signing key?")
    _in_time(timestamp, now)
    return token


def check_postmark(logins: Sequence[bytes], headers: Mapping[str, str]) -> None:
    """Check the basic authentication that Postmark takes from the address that it was given (RFC 7617).

    Raises:
        RefusedError: it does not hold.
    """
    scheme, _, written = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise RefusedError(401, "it brings no user and password; Postmark's address is https://user:password@…")
    given = hashlib.sha256(_base64(written)).digest()
    holds = False
    for login in logins:
        holds |= hmac.compare_digest(hashlib.sha256(login).digest(), given)
    if not holds:
        raise RefusedError(403, "its user and password are not those of PHIN_POSTMARK_LOGIN")


def _base64(written: str) -> bytes:
    try:
        return base64.b64decode(written.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(403, "its signature cannot be read") from None


def _in_time(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise RefusedError(403, "it says no time")
    check_age(datetime.fromtimestamp(int(timestamp), UTC), now)


def check_age(at: datetime, now: datetime) -> None:
    """Refuse what was signed too long ago, or in the future; by the machine's own clock.

    Raises:
        RefusedError: it was.
    """
    if not now - OLDEST <= at <= now + AHEAD:
        raise RefusedError(403, f"it was signed at {at:%Y-%m-%d %H:%M} UTC, which is too long ago or ahead")
