"""The readers of what others write, each as a function of bytes that holds what it promises.

A reader may refuse; it does so by the error that it tells people, and by no other. What it raises beyond that, what it
takes too long for, and what it reaches out to is a find: its bytes are kept under `found/` and tried for ever.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH

from tests.delivery.mails import NOW, SHOP, FakeLinks, values
from tests.fuzz.words import LONGEST
from tests.language.samples import VOCABULARY
from worker.delivery.bounces.providers import UnreadableEventError, read_events
from worker.delivery.bounces.reading import read
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Click, SignIn, SurveyAnswer, TaskLink, Tokens, Use
from worker.domain.conditions.faults import ExpressionError
from worker.domain.errors import FileError
from worker.domain.event_check import EventRules
from worker.domain.settings import Settings
from worker.edges.web.bodies import BodyError, items_of
from worker.engine.intake import examine
from worker.language.config.seasons import read_seasons
from worker.language.config.segments import read_segments
from worker.language.config.settings import inspect_settings
from worker.language.config.staff import read_staff
from worker.language.expressions.expressions import parse_expression, parse_text
from worker.language.flow.flows import read_flow
from worker.language.flow_tests.files import Known, read_flow_tests
from worker.language.yaml.diagnostics import as_github, as_text

TOKENS = Tokens([b"the key of the house that is attacked"])
MOMENT = datetime(2027, 3, 1, 7, 5, tzinfo=UTC)
CANARY = "canary-3f9a"  # in no template: it stands where only what left the sandbox can see it


class ReachedOutError(AssertionError):
    """What was read opened a file, a connection or a program."""


logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # as Phin's own logs have it
_PAGES = (Use.PREFERENCES, Use.CONFIRM, Use.VIEW)
_rendering = threading.local()
_OF_PYTHON = (sys.prefix, *TZPATH)
_REACHING = ("open", "os", "socket", "subprocess", "ctypes", "exec", "compile", "import")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what no rendering may do; Python calls this for each such thing (PEP 578)."""
    if not getattr(_rendering, "on", False) or event.partition(".")[0] not in _REACHING:
        return
    if event == "open" and arguments[1] == "r" and str(arguments[0]).startswith(_OF_PYTHON):
        return  # Babel loads a language, and Python a zone, when they are first needed
    raise ReachedOutError(f"a template reached out: {event} {arguments!r:.200}")


@contextmanager
def watched() -> Iterator[None]:
    if not getattr(sys, "_phin_fuzz_watches", False):
        sys.addaudithook(_watch)
        sys._phin_fuzz_watches = True  # type: ignore[attr-defined] # a hook stays for good: one is enough
    _rendering.on = True
    try:
        yield
    finally:
        _rendering.on = False


def _text(data: bytes) -> str:
    return data[:LONGEST].decode("utf-8", "surrogateescape")


def flow(data: bytes) -> None:
    """A flow: problems that can be shown and lie in the text, or a flow."""
    text = _text(data)
    try:
        _, problems = read_flow(text, "flows/post-purchase.yaml", VOCABULARY, {"welcome": ["order", "percent"]})
    except FileError as error:
        problems = error.problems
        assert problems
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert 1 <= problem.place.line <= len(lines)
        assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1
        assert as_text(problem)
        assert as_github(problem)


def config(data: bytes) -> None:
    """A file of `config/`, or of tests beside the flows, whichever the first byte says."""
    which, text = (data[:1] or b"\0")[0] % 5, _text(data[1:])
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "file.yaml"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        try:
            if which == 0:
                inspect_settings(path, {})
            elif which == 1:
                read_segments(path, "config/segments.yaml", VOCABULARY)
            elif which == 2:
                read_seasons(path, "config/seasons.yaml")
            elif which == 3:
                read_staff(path, "config/staff.yaml", SHOP)
            else:
                read_flow_tests(text, "flows/tests/x.yaml", Known(Settings(), VOCABULARY, {}, frozenset()))
        except FileError as error:
            assert all(as_text(problem) for problem in error.problems)


def expression(data: bytes) -> None:
    """An expression, and a text with expressions."""
    for parse in (parse_expression, parse_text):
        try:
            parse(_text(data))
        except ExpressionError as error:
            assert str(error)


def template(data: bytes) -> None:
    """A template, compiled and rendered; the first byte says whether it is HTML or MJML, and of which language."""
    kind, text = (data[:1] or b"\0")[0], _text(data[1:])
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        name = f"mail.{'vi' if kind & 2 else 'en'}.{'mjml' if kind & 1 else 'html'}"
        (Path(folder) / "layouts").mkdir()
        (Path(folder) / "layouts" / "mail.html").write_text(
            "<body><main>{% block content %}{% endblock %}</main></body>"
        )
        (Path(folder) / "secret.txt").write_text(CANARY)
        (Path(folder) / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        try:
            made = TemplateLibrary(Path(folder), SHOP).get("mail", "vi" if kind & 2 else "en")
            with watched():
                mail = made.render(values(now=NOW, percent="10 %"), FakeLinks())
        except TemplateError as error:
            assert str(error)
            assert error.problem
            return
        said = f"{mail.html}{mail.text}{mail.subject}"
        assert CANARY not in said
        assert "\r" not in mail.subject
        assert "\n" not in mail.subject
        assert not any(word in said for word in ("<class '", "<module '", "<function ", "<built-in ", "0x7f"))


def token(data: bytes) -> None:
    """Any text, and any change of a token that was made: nobody's, unless it is that token itself."""
    made = made_tokens()
    whole = sorted(made)[(data[:1] or b"\0")[0] % len(made)]
    for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape"), _changed(whole, data[1:])):
        for use, meaning in _accepted(text):
            # in an envelope sender capitals do not matter: it is the same token in another dress
            same = text in made if use != "bounce" else text.lower() == TOKENS.bounce(7)
            assert same, f"a forged token is taken for {use}: {text!r}"
            assert meaning == made[TOKENS.bounce(7) if use == "bounce" else text][1]


def made_tokens() -> dict[str, tuple[str, object]]:
    """Return a token of each use, with the use and what it means."""
    target = "https://shop.example/a?b=c"
    pages = {TOKENS.page(use, 7): (use.value, 7) for use in _PAGES}
    others: dict[str, tuple[str, object]] = {
        TOKENS.open(7): ("open", 7),
        TOKENS.unsubscribe(7): ("unsubscribe", 7),
        TOKENS.click(7, 2, target): ("click", Click(7, 2, target)),
        TOKENS.bounce(7): ("bounce", 7),
        TOKENS.task(7, "mai"): ("task", TaskLink(7, "mai")),
        TOKENS.staff("mai", MOMENT): ("staff", SignIn("mai", MOMENT.replace(microsecond=0))),
        TOKENS.survey(7, "nps", 9): ("survey", SurveyAnswer(7, "nps", 9)),
    }
    return {**pages, **others}


def _accepted(text: str) -> list[tuple[str, object]]:
    """Return each use that takes the text for its own, with what it reads in it."""
    readings: dict[str, object] = {use.value: TOKENS.read_page(use, text) for use in _PAGES}
    for use in ("open", "unsubscribe", "click", "bounce", "task", "staff", "survey"):
        readings[use] = getattr(TOKENS, f"read_{use}")(text)
    return [(use, read) for use, read in readings.items() if read is not None]


def _changed(whole: str, orders: bytes) -> str:
    """Change a token by pairs of a place and a letter; a letter of 0 takes one out, one above 127 puts one in."""
    letters = list(whole)
    for place, letter in zip(orders[::2], orders[1::2], strict=False):
        at = place % max(1, len(letters))
        if letter == 0:
            del letters[at : at + 1]
        elif letter > 127:
            letters.insert(at, chr(letter - 128))
        else:
            letters[at : at + 1] = [chr(letter)]
    return "".join(letters)


def bounce(data: bytes) -> None:
    """A report of a mail that came back: it never raises, and finds no mail that it holds no token of."""
    report = read(data[:LONGEST], TOKENS)
    assert report.findings
    assert all(len(finding.diagnostic) < 2 * LONGEST for finding in report.findings)


def provider(data: bytes) -> None:
    """What a provider posts about mails, after its signature was found good; the first byte says which provider."""
    names = ("ses", "sendgrid", "mailgun", "postmark")
    try:
        body = json.loads(data[1:LONGEST].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return
    try:
        read_events(names[(data[:1] or b"\0")[0] % 4], body, TOKENS)
    except UnreadableEventError as error:
        assert str(error)


def event(data: bytes) -> None:
    """A body posted by the shop: each item is kept or refused with a reason."""
    lines = (data[:1] or b"\0")[0] & 1
    try:
        items = items_of(data[1:LONGEST], "application/x-ndjson" if lines else "application/json")
    except BodyError as error:
        assert 400 <= error.status < 500
        assert str(error)
        return
    examined = examine(items, "shop", EventRules.of(Settings()), MOMENT)
    assert {one.index for one in examined.refused} | {at for at, _ in examined.events} == set(range(len(items)))
    assert all(one.error for one in examined.refused)


READERS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (flow, config, expression, template, token, bounce, provider, event)
}
