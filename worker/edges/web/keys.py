"""Who may speak for the shop: the ingest key that a request presents."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

REFUSED = "the key is missing or not known; send it as 'Authorization: Bearer KEY'"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="phin"'}


def source_of_request(request: Request, source_of: Callable[[str], str | None]) -> str | None:
    """Return the name of the ingest key that the request presents, or None where it presents none that is known.

    Parameters:
        source_of: returns a key's name, or None; takes as long whichever it is.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return source_of(key.strip()) if scheme.lower() == "bearer" and key else None
