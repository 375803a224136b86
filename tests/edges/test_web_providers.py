"""Webhooks of mail providers: only what is signed is taken, once, and answered when it is committed.

The signatures are made here, by keys of the tests, as the providers' public documentation says.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.routing import Route

from tests.support.clock import HandClock
from tests.support.reports import LAN, Counter
from tests.support.web import Told
from worker.delivery.bounces.recording import Bounces
from worker.domain.errors import SettingError
from worker.edges.provider_keys import ProviderKeys, read_provider_keys
from worker.edges.web.provider_signatures import RefusedError
from worker.edges.web.provider_sns import Sns, text_to_sign
from worker.edges.web.provider_webhooks import ProviderWebhooks
from worker.edges.web.strangers import Strangers
from worker.edges.web.telling import Teller
from worker.storage.database import Database

TOPIC = "arn:aws:sns:ap-southeast-1:123456789012:bounces"
CERTIFICATE = "https://sns.ap-southeast-1.amazonaws.com/SimpleNotificationService-0123.pem"
MAILGUN, POSTMARK = b"a-signing-key-of-mailgun", b"phin:a-password-for-postmark"
STRANGERS = 50  # requests that are not a provider's, of one address
SENDGRID = ec.generate_private_key(ec.SECP256R1())
AMAZON = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(common_name: str, days: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = HandClock().machine()
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(AMAZON.public_key())
    built = (
        built.serial_number(1).not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
    )
    return built.sign(AMAZON, hashes.SHA256()).public_bytes(Encoding.PEM)


class Hooks:
    """The endpoint, with a certificate that is fetched from nowhere."""

    def __init__(self, database: Database) -> None:
        self.counter = Counter(database)
        self.fetched: list[str] = []
        self.certificate = certificate("sns.amazonaws.com")
        self.clock = HandClock()
        keys = ProviderKeys((SENDGRID.public_key(),), (MAILGUN,), (POSTMARK,))
        bounces = Bounces(database, self.counter.tokens, self.counter.settings)
        self.told = Told()
        sns = Sns([TOPIC], self.fetch)
        self.hooks = ProviderWebhooks(
            keys,
            sns,
            self.counter.tokens,
            bounces,
            database,
            self.clock,
            Teller(self.told.enqueue),
            Strangers(STRANGERS),
        )
        app = Starlette(routes=[Route("/v1/providers/{provider}", self.hooks.post, methods=["POST"])])
        self.web = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://phin")

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self.certificate

    @property
    def now(self) -> datetime:
        return self.clock.machine()

    async def post(self, provider: str, body: Any, **headers: str) -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.web.post(f"/v1/providers/{provider}", content=content, headers=named)
        assert "signature" not in answer.text, "why it is refused is nobody's business"
        return answer.status_code

    async def sns(self, message: Any, *, version: str = "2", kind: str = "Notification", **more: str) -> int:
        return await self.post("ses", self.signed(message, version=version, kind=kind, **more))

    def signed(self, message: Any, *, version: str = "2", kind: str = "Notification", **more: str) -> dict[str, str]:
        told = {
            "Type": kind,
            "MessageId": "2c5f0b1e-1",
            "TopicArn": TOPIC,
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": self.now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE,
            **more,
        }
        hashing = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = AMAZON.sign(text_to_sign(told), padding.PKCS1v15(), hashing)
        return {"Signature": base64.b64encode(signature).decode(), **told}

    async def sendgrid(self, events: Any, *, at: datetime | None = None, key: Any = SENDGRID) -> int:
        body, timestamp = json.dumps(events).encode(), str(int((at or self.now).timestamp()))
        signature = base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        named = {
            "X_Twilio_Email_Event_Webhook_Signature": signature,
            "X_Twilio_Email_Event_Webhook_Timestamp": timestamp,
        }
        return await self.post("sendgrid", body, **named)

    def mailgun(self, event: Any, *, token: str = "t" * 50, at: datetime | None = None, key: bytes = MAILGUN) -> Any:
        timestamp = str(int((at or self.now).timestamp()))
        made = hmac.new(key, f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
        return {"signature": {"timestamp": timestamp, "token": token, "signature": made}, "event-data": event}


@pytest.fixture
def hooks(database: Database) -> Iterator[Hooks]:
    made = Hooks(database)
    yield made
    made.hooks.close()


@pytest.fixture
def quick(sqlite_database: Database) -> Iterator[Hooks]:
    """For what never reaches the database."""
    made = Hooks(sqlite_database)
    yield made
    made.hooks.close()


def ses_bounce(source: str, *, kind: str = "Permanent", subtype: str = "General", **recipient: str) -> dict[str, Any]:
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": subtype,
            "bouncedRecipients": [{"emailAddress": LAN, **recipient}],
            "feedbackId": "0100-1",
            "timestamp": "2027-03-01T08:00:00.000Z",
        },
        "mail": {"source": source, "messageId": "0100-0", "destination": [LAN]},
    }


@pytest.mark.anyio
@pytest.mark.parametrize("version", ["1", "2"])
async def test_ses_tells_of_a_bounce(hooks: Hooks, version: str) -> None:
    """Given a notification by SNS, signed either way, then the mail bounced, once; its certificate is kept."""
    number = hooks.counter.mail()
    message = ses_bounce(hooks.counter.verp(number), status="5.1.1", diagnosticCode="smtp; 550 5.1.1 user unknown")
    assert [await hooks.sns(message, version=version) for _ in range(2)] == [200, 200]
    assert (hooks.counter.state(number), hooks.counter.address().suppressed) == ("bounced", "hard bounce: 5.1.1")
    assert len(hooks.counter.rows()) == 1
    assert hooks.fetched == [CERTIFICATE]


@pytest.mark.anyio
async def test_ses_tells_of_a_complaint_and_of_nothing_of_ours(hooks: Hooks) -> None:
    """Given a complaint, then consent is withdrawn; what names nobody we wrote to, or is new to us, is kept only."""
    number = hooks.counter.mail()
    told = {"complainedRecipients": [{"emailAddress": LAN}], "feedbackId": "0100-2", "complaintFeedbackType": "abuse"}
    mail = {"source": "hello@shop.example", "messageId": "0100-0"}
    assert await hooks.sns({"eventType": "Complaint", "complaint": told, "mail": mail}) == 200
    foreign = ses_bounce("x@y.example", emailAddress="nobody@else.example")
    assert await hooks.sns(foreign) == await hooks.sns({"eventType": "Rendering Failure"}) == 200
    assert await hooks.sns("Successfully validated SNS topic for Amazon SES event publishing.") == 200
    assert (hooks.counter.state(number), hooks.counter.address().marketing) == ("complained", "unsubscribed")
    assert hooks.counter.address("nobody@else.example") is None
    assert [(row._mapping["class"], row.state) for row in hooks.counter.rows()] == [
        ("complaint", "counted"),
        ("hard", "unread"),
        ("other", "noted"),
        ("unreadable", "unread"),
    ]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    [
        "http://sns.ap-southeast-1.amazonaws.com/a.pem",
        "https://sns.ap-southeast-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.ap-southeast-1.amazonaws.com/a.pem",
        "https://sns.ap-southeast-1.amazonaws.com@evil.example/a.pem",
        "https://sns.ap-southeast-1.amazonaws.com:8443/a.pem",
        "https://sns.ap-southeast-1.amazonaws.com/a.pem?x=.pem",
        "https://s3.ap-southeast-1.amazonaws.com/bucket/a.pem",
        "https://sns.ap-southeast-1.amazonaws.com/a.txt",
        "https://127.0.0.1/a.pem",
        "https://sns.\u0430p-southeast-1.amazonaws.com/a.pem",
        "",
    ],
)
async def test_a_foreign_certificate_is_not_even_fetched(quick: Hooks, url: str) -> None:
    """Given a message signed by the key of a certificate elsewhere, then it is refused, and nothing is fetched."""
    assert await quick.sns(ses_bounce("x@y.example"), SigningCertURL=url) == 403
    assert (quick.fetched, quick.counter.rows()) == ([], [])


@pytest.mark.anyio
async def test_what_sns_did_not_sign_is_refused(quick: Hooks) -> None:
    """Given another topic, another body, an old one, another certificate, or none at all, then nothing is kept."""
    good = quick.signed(ses_bounce("x@y.example"))
    assert await quick.sns({}, TopicArn="arn:aws:sns:ap-southeast-1:999999999999:bounces") == 403
    assert await quick.post("ses", {**good, "Message": "{}"}) == 403
    assert await quick.post("ses", {**good, "Signature": "AAAA"}) == 403
    assert await quick.post("ses", {**good, "SignatureVersion": "3"}) == 403
    assert await quick.sns({}, Timestamp="2020-01-01T00:00:00.000Z") == 403
    assert await quick.post("ses", {"Type": "Notification"}) == 403
    assert await quick.post("ses", [1]) == 401
    assert await quick.post("ses", b"no json") == 400
    for another in (certificate("evil.example"), certificate("sns.amazonaws.com", days=-1), b"none"):
        made = Hooks(quick.counter.database)
        made.certificate = another
        assert await made.post("ses", good) == 403
    assert quick.counter.rows() == []
    assert await quick.post("ses", good) == 200


@pytest.mark.anyio
async def test_a_subscription_is_confirmed_at_snss_own_address_only(quick: Hooks) -> None:
    """Given a request to confirm a subscription, then its address is fetched if it is SNS's."""
    own = "https://sns.ap-southeast-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
    kind = "SubscriptionConfirmation"
    assert await quick.sns("You have chosen …", kind=kind, SubscribeURL=own, Token="abc") == 200
    assert quick.fetched == [CERTIFICATE, own]
    assert await quick.sns("…", kind=kind, SubscribeURL="https://evil.example/", Token="abc") == 403
    assert quick.fetched == [CERTIFICATE, own]


@pytest.mark.anyio
async def test_sendgrid(hooks: Hooks) -> None:
    """Given a signed batch, then each event counts once; with another key, or too old, none does."""
    number, other = hooks.counter.mail(message_id="0123abcd@shop.example"), hooks.counter.mail("minh@example.org")
    batch = [
        {"event": "bounce", "email": LAN, "status": "5.1.1", "reason": "550 5.1.1 unknown user", "sg_event_id": "a"},
        {"event": "spamreport", "email": "minh@example.org", "sg_event_id": "b"},
        {"event": "open", "email": LAN, "sg_event_id": "c"},
    ]
    batch[0]["smtp-id"] = "<0123abcd@shop.example>"
    assert await hooks.sendgrid(batch, key=ec.generate_private_key(ec.SECP256R1())) == 403
    assert await hooks.sendgrid(batch, at=hooks.now - timedelta(days=3)) == 403
    assert await hooks.post("sendgrid", batch) == 403
    assert hooks.counter.rows() == []
    assert [await hooks.sendgrid(batch), await hooks.sendgrid(batch)] == [200, 200]
    assert [hooks.counter.state(one) for one in (number, other)] == ["bounced", "complained"]
    assert [row.matched for row in hooks.counter.rows()] == ["message-id", "address", "address"]


@pytest.mark.anyio
async def test_mailgun(hooks: Hooks) -> None:
    """Given Mailgun's signature, which does not cover the body, then its token is good for one body only."""
    number = hooks.counter.mail()
    event = {
        "id": "e1",
        "event": "failed",
        "severity": "permanent",
        "recipient": LAN,
        "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
        "envelope": {"sender": hooks.counter.verp(number)},
    }
    forged = {**event, "id": "e2", "event": "complained"}
    assert await hooks.post("mailgun", hooks.mailgun(event, key=b"another key, which is not it")) == 403
    assert await hooks.post("mailgun", hooks.mailgun(event, at=hooks.now - timedelta(days=2))) == 403
    assert await hooks.post("mailgun", {"event-data": event}) == 401
    good = hooks.mailgun(event)
    assert [await hooks.post("mailgun", good) for _ in range(2)] == [200, 200]
    assert await hooks.post("mailgun", {**good, "event-data": forged}) == 403
    assert (hooks.counter.state(number), len(hooks.counter.rows())) == ("bounced", 1)


@pytest.mark.anyio
async def test_postmark(hooks: Hooks) -> None:
    """Given Postmark's user and password, then it is taken; what has no form that is known is kept and shown."""
    number = hooks.counter.mail()
    bounce = {"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": LAN, "Details": "smtp;550 unknown user"}
    login = f"Basic {base64.b64encode(POSTMARK).decode()}"
    assert await hooks.post("postmark", bounce) == 401
    assert await hooks.post("postmark", bounce, Authorization="Basic cGhpbjp3cm9uZw==") == 403
    assert [await hooks.post("postmark", bounce, Authorization=login) for _ in range(2)] == [200, 200]
    assert await hooks.post("postmark", {"something": "new"}, Authorization=login) == 200
    assert (hooks.counter.state(number), hooks.counter.address().suppressed) == (
        "bounced",
        "hard bounce: no such mailbox",
    )
    assert [row.state for row in hooks.counter.rows()] == ["counted", "unread"]
    assert b"something" in hooks.counter.rows()[1].raw


@pytest.mark.anyio
async def test_who_is_not_set_up_is_refused(quick: Hooks) -> None:
    """Given a provider without a key, or one nobody knows, then nothing is taken."""
    bare = ProviderWebhooks(
        ProviderKeys(),
        None,
        quick.counter.tokens,
        quick.counter.bounces,
        quick.counter.database,
        quick.clock,
        Teller(quick.told.enqueue),
        Strangers(STRANGERS),
    )
    app = Starlette(routes=[Route("/v1/providers/{provider}", bare.post, methods=["POST"])])
    quick.web = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://phin")
    assert [await quick.post(name, {}) for name in ("ses", "sendgrid", "mailgun", "postmark")] == [403] * 4
    assert await quick.post("elsewhere", {}) == 404
    assert await quick.post("mailgun", b"x" * 3_000_001) == 403, "what is not taken is not read"
    bare.close()


@pytest.mark.anyio
async def test_a_body_has_its_limit(quick: Hooks) -> None:
    """Given a provider that is taken, then no more of a body is read than it may send."""
    assert await quick.post("mailgun", b"x" * 3_000_001) == 413


def test_keys_are_read_and_never_shown() -> None:
    """Given keys in the environment, then they are used; one that cannot be is told without itself."""
    der = SENDGRID.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    told = {"PHIN_SENDGRID_KEY": base64.b64encode(der).decode(), "PHIN_MAILGUN_KEY": MAILGUN.decode()}
    keys = read_provider_keys({**told, "PHIN_POSTMARK_LOGIN": POSTMARK.decode()})
    assert (len(keys.sendgrid), keys.mailgun, keys.postmark) == (1, (MAILGUN,), (POSTMARK,))
    assert "signing" not in repr(keys)
    for name, value in (("PHIN_SENDGRID_KEY", "bm9uZQ=="), ("PHIN_MAILGUN_KEY", "short"), ("PHIN_POSTMARK_LOGIN", "x")):
        with pytest.raises(SettingError, match=name) as raised:
            read_provider_keys({name: value})
        assert value not in str(raised.value) or len(value) < 2


def test_an_address_within_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a name of SNS's that leads to a private address, then nothing is fetched."""
    within = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: within)
    with pytest.raises(RefusedError, match="PrivateAddressError") as raised:
        Sns([TOPIC]).confirm({"SubscribeURL": "https://sns.no-such-region-1.amazonaws.com/"})
    assert raised.value.status == 503
