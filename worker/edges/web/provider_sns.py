"""Amazon's SNS, by which SES tells of bounces: signatures, the certificate that they are of, and subscribing.

The certificate is fetched from the address that the message names, so that address decides all: only
`https://sns.REGION.amazonaws.com/….pem`, with nothing else in it, and only over the open internet.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpcore
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.oid import NameOID

from worker.delivery.open_internet import OpenInternet, PrivateAddressError
from worker.edges.web.provider_signatures import RefusedError, check_age

ANSWER = 64_000  # bytes of what is fetched
WITHIN = 5.0  # seconds
KEPT = 16  # certificates
_HOST = re.compile(r"sns\.[a-z]{2}[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?")
_NAME = re.compile(r"sns(\.[a-z0-9-]{5,32})?\.amazonaws\.com(\.cn)?")
_CONFIRMS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(_CONFIRMS, ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")),
}


class Sns:
    """Checks SNS's messages.

    Parameters:
        topics: ARNs that are listened to.
        fetch: returns what is at an address of the open internet.
    """

    def __init__(self, topics: Collection[str], fetch: Callable[[str], bytes] | None = None) -> None:
        self._topics = frozenset(topics)
        self._fetch = fetch or fetch_openly
        self._certificates: dict[str, x509.Certificate] = {}
        self._lock = threading.Lock()

    def check(self, told: Any, now: datetime) -> Mapping[str, str]:
        """Return a message that is really SNS's, and of a topic that is listened to.

        Parameters:
            told: the body, parsed.
            now: by the machine's own clock.

        Raises:
            RefusedError: it is not; 503 where its certificate cannot be fetched now.
        """
        if not isinstance(told, dict) or not isinstance(told.get("Type"), str) or told["Type"] not in _SIGNED:
            raise RefusedError(401, "it is no message of SNS")
        message = {str(name): value for name, value in told.items() if isinstance(value, str)}
        if message.get("TopicArn") not in self._topics:
            raise RefusedError(403, "its topic is not on the list bounces.sns_topics")
        _check_time(message.get("Timestamp", ""), now)
        self._check_signature(message, now)
        return message

    def confirm(self, message: Mapping[str, str]) -> None:
        """Confirm a subscription by fetching the address that its (checked) message names.

        Raises:
            RefusedError: the address is none of SNS's, or does not answer.
        """
        url = message.get("SubscribeURL", "")
        _check_address(url)
        self._fetch(url)

    def _check_signature(self, message: Mapping[str, str], now: datetime) -> None:
        hashing = {"1": SHA1, "2": SHA256}.get(message.get("SignatureVersion", ""))
        if hashing is None:
            raise RefusedError(403, "its signature is of a version that is not known")
        try:
            signature = base64.b64decode(message.get("Signature", ""), validate=True)
        except (binascii.Error, ValueError):
            raise RefusedError(403, "its signature cannot be read") from None
        key = self._certificate(message.get("SigningCertURL", ""), now).public_key()
        if not isinstance(key, RSAPublicKey):
            raise RefusedError(403, "its certificate is of no kind that SNS uses")
        try:
            key.verify(signature, text_to_sign(message), PKCS1v15(), hashing())
        except InvalidSignature:
            raise RefusedError(403, "its signature does not hold") from None

    def _certificate(self, url: str, now: datetime) -> x509.Certificate:
        parts = _check_address(url)
        if not parts.path.endswith(".pem") or parts.query:
            raise RefusedError(403, "its certificate is not at an address of SNS's")
        with self._lock:
            found = self._certificates.get(url)
        if found is None:
            try:
                found = x509.load_pem_x509_certificate(self._fetch(url))
            except ValueError:
                raise RefusedError(403, "what is at the address of its certificate is none") from None
            names = [str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
            if not any(_NAME.fullmatch(name) for name in names):
                raise RefusedError(403, "its certificate is not made out to SNS")
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise RefusedError(403, "its certificate is not valid now")
        with self._lock:
            if len(self._certificates) >= KEPT:
                self._certificates.clear()
            self._certificates[url] = found
        return found


def text_to_sign(message: Mapping[str, str]) -> bytes:
    """Return what SNS signs: names and values of some fields, each on a line of its own."""
    lines = [f"{name}\n{message[name]}\n" for name in _SIGNED[message["Type"]] if name in message]
    return "".join(lines).encode("utf-8", "surrogatepass")


def fetch_openly(url: str) -> bytes:
    """Return what is at an address of the open internet.

    Raises:
        RefusedError: it does not answer as it should (503).
    """
    limits = dict.fromkeys(("connect", "read", "write", "pool"), WITHIN)
    found, internet = b"", OpenInternet()
    try:
        with (
            internet.within(2 * WITHIN),
            httpcore.ConnectionPool(network_backend=internet) as pool,
            pool.stream("GET", url, extensions={"timeout": limits}) as answer,
        ):
            for piece in answer.iter_stream():
                found += piece
                if len(found) > ANSWER:
                    raise RefusedError(503, "what SNS's address answers with is too long")
            status = answer.status
    except (
        PrivateAddressError,
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        OSError,
    ) as error:
        raise RefusedError(503, f"SNS's address cannot be reached: {type(error).__name__}") from error
    if status != 200:
        raise RefusedError(503, f"SNS's address answers {status}")
    return found


def _check_address(url: str) -> Any:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedError(403, "it names an address that cannot be read") from None
    plain = url.isascii() and url.isprintable() and "\\" not in url and "@" not in parts.netloc
    host = parts.hostname or ""
    if parts.scheme != "https" or not _HOST.fullmatch(host) or port not in (None, 443) or not plain or parts.fragment:
        raise RefusedError(403, "it names an address that is not https://sns.REGION.amazonaws.com")
    return parts


def _check_time(written: str, now: datetime) -> None:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise RefusedError(403, "it says no time") from None
    if at.tzinfo is None:
        raise RefusedError(403, "it says no time with a zone")
    check_age(at, now)
