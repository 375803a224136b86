"""Who may speak for the shop: the ingest key that a request presents, and how often one may."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from worker.edges.web.rate_limit import RateLimit, retry_after
from worker.edges.web.strangers import Strangers

REFUSED = "the key is missing or not known; send it as 'Authorization: Bearer KEY'"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="phin"'}
TOO_MANY_OF_KEY = "more than {count} requests a second of this key; send several events in one, or go on a little later"
TOO_MANY_OF_NETWORK = "too many requests without a known key came from this address; go on after Retry-After"


class Keys:
    """Lets in who presents a known key.

    Parameters:
        source_of: returns a key's name, or None; takes as long whichever it is.
        per_second: requests of one key, over all endpoints of this process.
        strangers: counts who presents none that is known; a known key is never refused for others at its address.
    """

    def __init__(self, source_of: Callable[[str], str | None], per_second: int, strangers: Strangers) -> None:
        self._source_of = source_of
        self._per_second = per_second
        self._limit = RateLimit(per_second)
        self._strangers = strangers

    def admit(self, request: Request) -> str | Response:
        """Return the name of the key, or the answer that says why nobody is let in: 401 or 429."""
        source = self._source(request)
        if source is None:
            if seconds := self._strangers.wait(request):
                return refusal(429, TOO_MANY_OF_NETWORK, {"Retry-After": retry_after(seconds)})
            return refusal(401, REFUSED, CHALLENGE)
        if seconds := self._limit.wait(source):
            said = TOO_MANY_OF_KEY.format(count=self._per_second)
            return refusal(429, said, {"Retry-After": retry_after(seconds)})
        return source

    def _source(self, request: Request) -> str | None:
        written = request.headers.getlist("authorization")
        if len(written) != 1:  # of two, somebody on the way may have read the other
            return None
        scheme, _, key = written[0].partition(" ")
        return self._source_of(key.strip()) if scheme.lower() == "bearer" and key else None


def refusal(status: int, said: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says, as JSON, why something is not done."""
    return Response(json.dumps({"error": said}).encode() + b"\n", status, headers, "application/json")
