"""`POST /v1/providers/NAME`: what a mail provider tells of bounces and complaints; answered when it is committed.

Nothing is taken that is not shown to be the provider's. A refusal is told without its reason; that stands in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.exc import OperationalError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from worker.delivery.bounces.providers import UnreadableEventError, read_events
from worker.delivery.bounces.reading import Report
from worker.delivery.bounces.recording import Arrival, Bounces
from worker.delivery.tokens import Tokens
from worker.domain.bounces import BounceClass, Finding
from worker.domain.errors import UnavailableError
from worker.domain.settings import Settings
from worker.edges.provider_keys import MAILGUN, POSTMARK, SENDGRID, ProviderKeys
from worker.edges.web.bodies import BodyError, read_body
from worker.edges.web.provider_signatures import (
    SENDGRID_SIGNATURE,
    SENDGRID_TIMESTAMP,
    RefusedError,
    check_mailgun,
    check_postmark,
    check_sendgrid,
)
from worker.edges.web.provider_sns import Sns
from worker.edges.web.rate_limit import retry_after
from worker.edges.web.strangers import Strangers
from worker.edges.web.telling import Teller
from worker.storage import provider_tokens
from worker.storage.database import Database, told

BODY_LIMIT = 3_000_000  # bytes; SNS's are 256 kB at most, SendGrid gathers events
TAKEN_WITHIN = 25.0  # seconds that a provider is kept waiting
RETRY_AFTER = 30  # seconds
NAMES = ("ses", "sendgrid", "mailgun", "postmark")
SHOWING = ("authorization", SENDGRID_SIGNATURE, SENDGRID_TIMESTAMP)  # headers by which providers show who they are

log = logging.getLogger(__name__)


class Clock(Protocol):
    """The two clocks."""

    def now(self) -> datetime:
        """Return the shop's time."""

    def machine(self) -> datetime:
        """Return the machine's own, in which providers sign."""


class Composed(Protocol):
    """What this needs of the house."""

    @property
    def settings(self) -> Settings:
        """The shop's settings."""

    @property
    def provider_keys(self) -> ProviderKeys:
        """What requests are checked with."""

    @property
    def tokens(self) -> Tokens:
        """What reads the tokens of our mails."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def clock(self) -> Clock:
        """The two clocks."""


def provider_webhooks(house: Composed, teller: Teller, strangers: Strangers) -> ProviderWebhooks:
    """Return the endpoint of this house."""
    told = house.settings.bounces
    sns = Sns(told.sns_topics) if told.sns_topics else None
    bounces = Bounces(house.database, house.tokens, told)
    return ProviderWebhooks(
        house.provider_keys, sns, house.tokens, bounces, house.database, house.clock, teller, strangers
    )


class ProviderWebhooks:
    """The endpoint.

    Parameters:
        keys: what requests are checked with; of a provider without one none is taken.
        sns: checks what comes by SNS.
        strangers: counts the requests that are not shown to be a provider's.
    """

    def __init__(
        self,
        keys: ProviderKeys,
        sns: Sns | None,
        tokens: Tokens,
        bounces: Bounces,
        database: Database,
        clock: Clock,
        teller: Teller,
        strangers: Strangers,
    ) -> None:
        self._keys = keys
        self._sns = sns
        self._tokens = tokens
        self._bounces = bounces
        self._database = database
        self._clock = clock
        self._teller = teller
        self._strangers = strangers
        self._takers = ThreadPoolExecutor(2, "providers")

    async def post(self, request: Request) -> Response:
        """Take what a provider tells."""
        provider = request.path_params["provider"]
        take = self._take_by.get(provider)
        if take is None:
            return _answer(404, f"there is no provider of this name; {', '.join(NAMES)} are known")
        if seconds := self._strangers.peek(request):  # before megabytes are read; providers send again what they may
            return _too_many(seconds)
        try:
            self._check_set_up(provider)
            headers = _once_each(request)
            body = await read_body(request, BODY_LIMIT)
            taking = asyncio.get_running_loop().run_in_executor(self._takers, take, headers, body)
            await asyncio.wait_for(taking, TAKEN_WITHIN)
        except BodyError as error:
            return _answer(error.status, str(error))
        except ClientDisconnect:
            return Response(status_code=400)
        except RefusedError as error:
            if error.status in (401, 403) and (seconds := self._strangers.wait(request)):
                return _too_many(seconds)
            log.warning("a request of %s is not taken: %s", provider, error)
            challenge = (
                {"WWW-Authenticate": 'Basic realm="phin"'} if error.status == 401 and provider == "postmark" else {}
            )
            return _answer(error.status, "not accepted", challenge)
        except (UnavailableError, OperationalError, TimeoutError) as error:
            log.warning(
                "events of %s cannot be kept now: %s", provider, told(error) if str(error) else "it takes too long"
            )
            return _answer(503, "this cannot be kept now; send it again", {"Retry-After": str(RETRY_AFTER)})
        return JSONResponse({"taken": True})

    def close(self) -> None:
        """Take nothing more."""
        self._takers.shutdown(wait=False)

    @property
    def _take_by(self) -> Mapping[str, Callable[[Mapping[str, str], bytes], None]]:
        return {"ses": self._ses, "sendgrid": self._sendgrid, "mailgun": self._mailgun, "postmark": self._postmark}

    def _check_set_up(self, provider: str) -> None:
        """Refuse, before a body is read, what no key could show to be the provider's.

        Raises:
            RefusedError: nothing of this provider is taken.
        """
        wanted = {"sendgrid": SENDGRID, "mailgun": MAILGUN, "postmark": POSTMARK}
        keys = {"sendgrid": self._keys.sendgrid, "mailgun": self._keys.mailgun, "postmark": self._keys.postmark}
        if provider == "ses" and self._sns is None:
            raise RefusedError(403, "bounces.sns_topics names no topic")
        if provider in keys and not keys[provider]:
            raise RefusedError(403, f"nothing of this provider is taken, since {wanted[provider]} is not set")

    def _ses(self, _headers: Mapping[str, str], body: bytes) -> None:
        assert self._sns is not None, "it was looked whether there is one"
        message = self._sns.check(_json(body), self._clock.machine())
        if message["Type"] == "SubscriptionConfirmation":
            self._sns.confirm(message)
            log.info("subscribed to the topic that SES tells of bounces by")
            return
        if message["Type"] == "Notification":
            try:
                event = json.loads(message.get("Message", ""))
            except (ValueError, RecursionError):  # SES says hello in plain words: kept as it came
                event = None
            self._keep("ses", event, body)

    def _sendgrid(self, headers: Mapping[str, str], body: bytes) -> None:
        check_sendgrid(self._keys.sendgrid, headers, body, self._clock.machine())
        self._keep("sendgrid", _json(body), body)

    def _mailgun(self, _headers: Mapping[str, str], body: bytes) -> None:
        events, now = _json(body), self._clock.machine()
        token = check_mailgun(self._keys.mailgun, events, now)
        with self._database.writing() as connection:
            fresh = provider_tokens.remember(connection, f"mailgun:{token}", hashlib.sha256(body).hexdigest(), now)
        if not fresh:
            raise RefusedError(403, "its token came before, with another body")
        self._keep("mailgun", events, body)

    def _postmark(self, headers: Mapping[str, str], body: bytes) -> None:
        check_postmark(self._keys.postmark, headers)
        self._keep("postmark", _json(body), body)

    def _keep(self, provider: str, events: Any, body: bytes) -> None:
        """Write down what was checked; what is of no form that is known is kept as it came."""
        try:
            found = [
                (one.report, Arrival(provider, one.key, len(one.raw), one.raw, signed=True, at=one.at))
                for one in read_events(provider, events, self._tokens)
            ]
        except UnreadableEventError as error:
            key = f"{provider}:{hashlib.sha256(body).hexdigest()}"
            report = Report((Finding(BounceClass.UNREADABLE),), why=str(error)[:300])
            found = [(report, Arrival(provider, key, len(body), body, signed=True))]
        taken = self._bounces.record(found, self._clock.now())
        self._teller.tell(taken.work)


def _once_each(request: Request) -> dict[str, str]:
    """Return the headers; of one that comes twice nobody knows which a server on the way has looked at.

    Raises:
        RefusedError: one that shows who asks comes twice.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    for name in SHOWING:
        if len(request.headers.getlist(name)) > 1:
            raise RefusedError(403, f"its header {name} comes more than once")
    return headers


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BodyError(400, "the body is no JSON") from None


def _too_many(seconds: float) -> Response:
    return _answer(429, "too many requests that were not accepted", {"Retry-After": retry_after(seconds)})


def _answer(status: int, said: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": said}, status, headers)
