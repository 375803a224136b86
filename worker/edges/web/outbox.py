"""`/outbox`: the captured mails, as a phone and a desktop show them. It exists only while mail is captured.

Who is signed in may read it. For others it answers this machine only, unless a setting opens it: the client is this
machine, and so is the name that it asked for (a foreign page that had its name point here would ask for its own).
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from worker.delivery.outbox import Captured, CapturedMail, NotCapturedError, captured, read
from worker.domain.settings import Settings
from worker.edges.web.frame import Frame, Visitor

PER_PAGE = 50
VIEWS = ("phone", "desktop", "text", "headers")

# What a mail may do in its frame: show itself, load pictures, open a link in a window of its own. No script.
FRAME_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https: data:; font-src http: https: data:; frame-ancestors 'self'; base-uri 'none'"
)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_NEW_WINDOW = '<base target="_blank">'


class Outbox:
    """The pages.

    Parameters:
        folder: where mail is captured, `var/outbox`.
    """

    def __init__(self, folder: Path, settings: Settings, frame: Frame) -> None:
        self._folder = folder
        self._frame = frame
        self._pages = frame.pages
        self._open = settings.outbox_access == "everyone"
        self._zone = ZoneInfo(settings.shop.timezone)

    async def list(self, request: Request) -> Response:
        """Show the list, newest first, and beside it one mail where one was chosen."""
        visitor = self._frame.visitor(request)
        language = visitor.language
        if (refused := self._refused(request, visitor)) is not None:
            return refused
        name = request.path_params.get("name")
        page = _page_number(request)
        found, count = await run_in_threadpool(
            partial(captured, self._folder, offset=(page - 1) * PER_PAGE, limit=PER_PAGE)
        )
        try:
            mail = None if name is None else await run_in_threadpool(read, self._folder, name)
        except NotCapturedError:
            return self._frame.missing(request)
        t = self._pages.texts(language)
        return self._frame.page(
            request,
            visitor,
            "outbox.html",
            title=t["outbox"] if mail is None else mail.header("Subject") or t["no_subject"],
            captured=t["captured_1"] if count == 1 else t["captured"].replace("{count}", f"{count:,}"),
            mails=[self._entry(one, one.name == name, page, language) for one in found],
            newer=_link(None, page=page - 1, lang=language) if page > 1 else None,
            older=_link(None, page=page + 1, lang=language) if page * PER_PAGE < count else None,
            back=_link(None, page=page, lang=language),
            mail=None if mail is None else self._shown(request, mail, language),
            views=[] if mail is None else _views(request, mail, page, language, t),
        )

    async def html(self, request: Request) -> Response:
        """Show a mail's HTML as it was made; its links open in a window of their own."""
        mail = await self._read(request)
        if isinstance(mail, Response):
            return mail
        found = mail.html
        if found is None:
            return Response(status_code=404)
        head = _HEAD.search(found)
        at = head.end() if head else 0
        headers = {"Content-Security-Policy": FRAME_POLICY, "Cache-Control": "no-store"}
        return HTMLResponse(found[:at] + _NEW_WINDOW + found[at:], headers=headers)

    async def source(self, request: Request) -> Response:
        """Give a mail's own bytes."""
        mail = await self._read(request)
        if isinstance(mail, Response):
            return mail
        headers = {
            "Content-Disposition": f"attachment; filename*=utf-8''{quote(mail.name)}",
            "Cache-Control": "no-store",
        }
        return Response(mail.raw, headers=headers, media_type="message/rfc822")

    async def _read(self, request: Request) -> CapturedMail | Response:
        visitor = self._frame.visitor(request)
        if (refused := self._refused(request, visitor)) is not None:
            return refused
        try:
            return await run_in_threadpool(read, self._folder, request.path_params["name"])
        except NotCapturedError:
            return self._frame.missing(request)

    def _refused(self, request: Request, visitor: Visitor) -> Response | None:
        if not self._frame.captures_mail:
            return self._frame.missing(request)
        if (
            self._open
            or visitor.session is not None
            or (_is_this_machine(request.url.hostname) and _is_loopback(request))
        ):
            return None
        return self._pages.notice("local", visitor.language, 403)

    def _entry(self, one: Captured, current: bool, page: int, language: str) -> dict[str, Any]:
        return {
            "href": _link(one.name, page=page, lang=language),
            "current": current,
            "subject": one.subject,
            "to": one.to,
            "at": one.date.isoformat(),
            "when": self._when(one.date, language),
        }

    def _shown(self, request: Request, mail: CapturedMail, language: str) -> dict[str, Any]:
        t, view = self._pages.texts(language), _view(request)
        framed = view in ("phone", "desktop") and mail.html is not None
        text = "\n".join(f"{name}: {value}" for name, value in mail.headers) if view == "headers" else mail.text
        facts = [
            (t["from"], mail.header("From")),
            (t["to"], mail.header("To")),
            (t["date"], self._date(mail, language)),
        ]
        return {
            "subject": mail.header("Subject"),
            "facts": facts,
            "view": view,
            "frame": f"{_path(mail.name)}/html" if framed else None,
            "text": t["no_part"] if text is None else text,
        }

    def _date(self, mail: CapturedMail, language: str) -> str:
        """Return when a mail was made, in the shop's zone; as it stands in the mail where that is no date."""
        try:
            local = parsedate_to_datetime(mail.header("Date")).astimezone(self._zone)
        except (ValueError, TypeError, IndexError):
            return mail.header("Date")
        return f"{local:%H:%M:%S} ngày {local:%d/%m/%Y}" if language == "vi" else f"{local:%d %b %Y %H:%M:%S}"

    def _when(self, moment: datetime, language: str) -> str:
        if moment.year < 1970:
            return ""
        local = moment.astimezone(self._zone)
        return f"{local:%H:%M %d/%m}" if language == "vi" else f"{local:%d %b %H:%M}"


def _views(request: Request, mail: CapturedMail, page: int, language: str, t: dict[str, str]) -> list[dict[str, Any]]:
    current = _view(request)
    views: list[dict[str, Any]] = [
        {
            "name": t[name],
            "href": _link(mail.name, page=page, lang=language, view=name),
            "current": name == current,
            "download": False,
        }
        for name in VIEWS
    ]
    source = {"name": t["source"], "href": f"{_path(mail.name)}/source", "current": False, "download": True}
    return [*views, source]


def _view(request: Request) -> str:
    asked = request.query_params.get("view", VIEWS[0])
    return asked if asked in VIEWS else VIEWS[0]


def _page_number(request: Request) -> int:
    asked = request.query_params.get("page", "1")
    return max(1, int(asked)) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else 1


def _link(name: str | None, **query: Any) -> str:
    path = "/outbox" if name is None else _path(name)
    return f"{path}?{urlencode({key: value for key, value in query.items() if (key, value) != ('page', 1)})}"


def _path(name: str) -> str:
    return f"/outbox/{quote(name, safe='@')}"


def _is_loopback(request: Request) -> bool:
    return request.client is not None and _is_this_machine(request.client.host)


def _is_this_machine(name: str | None) -> bool:
    """Whether a host's name or address can only be this machine."""
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
