"""What rendering costs: milliseconds to compile each shipped template, microseconds for each mail after that.

    .venv/bin/python -m bench.rendering

Processor time of one thread, the best of several rounds, so that a busy machine disturbs little. "afterwards" is
the same mail with its CSS inlined after rendering, as a template must be that builds a class by an expression.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

from bench.support.mail_values import NOW, SHOP, values_for
from worker.delivery.mime import build
from worker.delivery.templates.compile import Compiler
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.links import PAGES
from worker.delivery.templates.sources import Sources

FOLDER = Path(__file__).parent.parent / "templates"
HEADERS = {
    "Feedback-ID": "post-purchase:the-coffee:marketing:phin",
    "Auto-Submitted": "auto-generated",
    "List-Unsubscribe": "<https://mail.thecoffee.example/u/k1.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


class PlainLinks:
    """Links of the usual length, made without signing: the signature's cost is not rendering's."""

    pixel = "https://mail.thecoffee.example/o/k1.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789.gif"
    honeypot = "https://mail.thecoffee.example/c/k1.0.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
    pages: ClassVar[dict[str, str | None]] = dict.fromkeys(
        PAGES, "https://mail.thecoffee.example/u/k1.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
    )

    def survey(self, name: str, mark: int | None = None) -> str:
        return f"https://mail.thecoffee.example/a/k1.{name}.{mark}.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"

    def tracked(self, number: int, url: str) -> str:  # noqa: ARG002 - the protocol's signature
        return f"https://mail.thecoffee.example/c/k1.{number}.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


def seconds(work: Callable[[], object], turns: int, rounds: int = 5) -> float:
    """Return the processor seconds of one turn, in the best round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(turns):
            work()
        best = min(best, (time.process_time() - start) / turns)
    return best


def main() -> None:
    library, compiler = TemplateLibrary(FOLDER, SHOP), Compiler(FOLDER, SHOP)
    links, totals = PlainLinks(), list[tuple[float, ...]]()
    print(f"{'template':<24}{'compile ms':>12}{'render µs':>12}{'MIME µs':>12}{'afterwards ms':>15}{'bytes':>9}")
    for name in library.names():
        for language in library.languages(name):
            start = time.process_time()
            compiled = compiler.compile(name, language, Sources(FOLDER, language))
            compile_ms = (time.process_time() - start) * 1e3
            slow = compiler.compile(name, language, Sources(FOLDER, language), afterwards=True)
            given = values_for(compiled)
            rendered = compiled.render(given, links)

            def mime(rendered: Any = rendered) -> bytes:
                return build(
                    rendered,
                    to_name="Nguyễn Thị Lan",
                    to_email="lan@example.com",
                    message_id="m1.0123456789abcdef@thecoffee.example",
                    date=NOW,
                    headers=HEADERS,
                    boundary="0123456789abcdef",
                )

            render_us = seconds(lambda compiled=compiled, given=given: compiled.render(given, links), 300) * 1e6  # type: ignore[misc]
            mime_us = seconds(mime, 300) * 1e6
            slow_ms = seconds(lambda slow=slow, given=given: slow.render(given, links), 3, 3) * 1e3  # type: ignore[misc]
            print(
                f"{name + '.' + language:<24}{compile_ms:>12.1f}{render_us:>12.1f}{mime_us:>12.1f}"
                f"{slow_ms:>15.1f}{len(mime()):>9}"
            )
            totals.append((compile_ms, render_us, mime_us, slow_ms))
    print(
        "{:<24}{:>12.1f}{:>12.1f}{:>12.1f}{:>15.1f}".format(
            "median", *(median(one) for one in zip(*totals, strict=True))
        )
    )


if __name__ == "__main__":
    main()
