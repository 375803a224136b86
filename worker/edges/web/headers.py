"""Headers that every answer carries: nothing is guessed, nothing foreign is loaded, nobody frames it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEFAULTS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
}


class SecurityHeaders:
    """Adds the defaults to each answer that does not say otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = {name.lower() for name, _ in headers}
                headers.extend((name, value) for name, value in DEFAULTS.items() if name not in given)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, with_headers)
