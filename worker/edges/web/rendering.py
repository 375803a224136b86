"""Pages: a template, texts in the visitor's language, and headers under which a browser loads nothing foreign."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from worker.domain.settings import Settings
from worker.edges.web.texts import LANGUAGES, TEXTS, choose_language

_PAGES = Path(__file__).parent / "pages"
_STYLES = ("palette.css", "style.css", "graph.css")  # in this order, as one


class Pages:
    """Makes the pages of one shop."""

    def __init__(self, settings: Settings) -> None:
        self._shop = settings.shop
        style = "".join((_PAGES / name).read_text() for name in _STYLES)
        self._environment = Environment(
            loader=FileSystemLoader(_PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            auto_reload=False,
        )
        # the stylesheet is our own file; the policy lets this one style through, and no other
        self._environment.globals.update(style=Markup(style), languages=list(LANGUAGES.items()), shop=self._shop)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; form-action 'self'; "
            "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        self._policy_with_script = f"{self._policy}; script-src 'self'; connect-src 'self'"

    @property
    def shop_language(self) -> str:
        """The language of the shop."""
        return self._shop.language

    def language(self, request: Request, known: str | None = None) -> str:
        """Return the language of a page: the link's, the known one, the browser's, the shop's."""
        asked = request.query_params.get("lang") or known
        return choose_language(asked, request.headers.get("accept-language", ""), self._shop.language)

    def texts(self, language: str) -> dict[str, str]:
        """Return all texts in a language."""
        filled = {"shop": self._shop.name, "email": self._shop.sender.reply_to or self._shop.sender.email}
        return {key: _filled(text, filled) for key, text in TEXTS[language].items()}

    def page(
        self, template: str, language: str, status: int = 200, *, script: bool = False, **values: Any
    ) -> HTMLResponse:
        """Return a page.

        Parameters:
            script: whether it loads a script of ours, which may ask us for more.
        """
        values = {"language": language, "t": self.texts(language), **values}
        content = self._environment.get_template(template).render(**values)
        policy = self._policy_with_script if script else self._policy
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Vary": "Accept-Language"}
        return HTMLResponse(content, status, headers)

    def notice(
        self,
        name: str,
        language: str,
        status: int = 200,
        *,
        done: bool = False,
        link: bool = False,
        beside: tuple[str, str] | None = None,
        box: tuple[str, str] | None = None,
    ) -> HTMLResponse:
        """Return a page with one card: title and text by name, with a button or a further line where there is one.

        Parameters:
            done: whether it tells that something was done.
            link: whether it leads to the shop.
            beside: address and text of another link.
            box: name and text of a box that may be ticked before the button is pressed.
        """
        texts = self.texts(language)
        return self.page(
            "notice.html",
            language,
            status,
            title=texts[f"{name}_title"],
            text=texts[f"{name}_text"],
            button=texts.get(f"{name}_button"),
            more=texts.get(f"{name}_more"),
            done=done,
            link=self._shop.website if link else None,
            link_text=texts["to_shop"],
            beside=beside,
            box=box,
            page=name,
        )


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
