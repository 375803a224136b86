"""The check tells of mails that the settings forbid: surveys that there are not, and senders that nothing signs."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.delivery.templates.library import TemplateLibrary
from worker.domain.errors import Problem, Severity
from worker.domain.settings import Settings
from worker.rehearsal.mail_settings import mail_problems

SURVEYS = {
    "nps": {"scale": "nps", "question": {"vi": "Bạn có giới thiệu chúng mình không?"}},
    "support": {"scale": "csat", "question": {"vi": "Bạn hài lòng tới đâu?"}},
}
MACROS = """{% macro marks(survey, last) %}
{% for mark in range(0, last) %}<a href="{{ survey | survey_url(mark) }}">{{ mark }}</a>{% endfor %}
{% endmacro %}"""
IMPORT = '{% from "layouts/marks.html" import marks %}\n'


def found(folder: Path, body: str, more: str = "", signs: str | None = None) -> list[Problem]:
    """Return what is told of a mail of this body; line 4 is its first."""
    (folder / "layouts").mkdir(exist_ok=True)
    (folder / "layouts" / "marks.html").write_text(MACROS)
    (folder / "mail.vi.html").write_text(f"---\nsubject: Chào\n{more}---\n{body}\n", encoding="utf-8")
    settings = Settings.model_validate({"surveys": SURVEYS})
    return mail_problems(settings, TemplateLibrary(folder, settings.shop), signs)


@pytest.mark.parametrize(
    ("body", "column", "message", "hint"),
    [
        ("<p>{{ 'npss' | survey_url }}</p>", 8, "there is no survey 'npss'", "did you mean 'nps'?"),
        ("<p>{{ 'x' | survey_url(1) }}</p>", 8, "there is no survey 'x'", "there are: nps, support"),
        (
            "<p>{{ 'support' | survey_url(9) }}</p>",
            8,
            "the survey 'support' takes marks from 1 to 5, not 9",
            "'nps' would take it; such a mail is not made",
        ),
        (
            "{% set asked = 'support' %}{% for n in [0, 5] %}<a href='{{ asked | survey_url(n) }}'>x</a>{% endfor %}",
            17,
            "the survey 'support' takes marks from 1 to 5, not 0",
            "'nps' would take it",
        ),
    ],
)
def test_a_wrong_survey_is_told(tmp_path: Path, body: str, column: int, message: str, hint: str) -> None:
    """Given a survey that there is not, or a mark beyond its scale, then the check says so at its name."""
    (problem,) = found(tmp_path, body)
    assert problem.severity is Severity.ERROR
    assert problem.message.startswith(message)
    assert (problem.hint or "").startswith(hint)
    assert (problem.place.line, problem.place.column) == (4, column)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('marks("npss", 11)', "there is no survey 'npss'"),
        ('marks("support", 11)', "the survey 'support' takes marks from 1 to 5, not 0, 6, 7, 8, 9 and 10"),
    ],
)
def test_a_macros_survey_is_told_where_it_is_named(tmp_path: Path, call: str, message: str) -> None:
    """Given a macro that makes the links, then the mail's call is told of, once, and not the macro's file."""
    (problem,) = found(tmp_path, f"{IMPORT}<p>{{{{ {call} }}}}</p>")
    assert problem.message.startswith(message)
    assert (problem.place.file, problem.place.line, problem.place.column) == ("mail.vi.html", 5, 14)


@pytest.mark.parametrize(
    "body",
    [
        "<p>{{ 'nps' | survey_url }} {{ 'nps' | survey_url(10) }} {{ 'support' | survey_url(1) }}</p>",
        f'{IMPORT}<p>{{{{ marks("nps", 11) }}}}</p>',
        "{% for n in [9] %}{% with n = customer.id %}{{ 'support' | survey_url(n) }}{% endwith %}{% endfor %}",
        "<p>{{ customer.name | survey_url(event.n) }} {{ 'nps' | survey_url(event.n) }}</p>",
    ],
)
def test_right_ones_and_what_only_values_tell_are_left_alone(tmp_path: Path, body: str) -> None:
    """Given surveys that there are, or names and marks of a customer's values, then nothing is told."""
    assert found(tmp_path, body) == []


def test_an_own_text_is_looked_through_too(tmp_path: Path) -> None:
    """Given a text part of the author's own with a wrong survey, then it is told in that file."""
    (tmp_path / "mail.vi.txt").write_text("Chào,\n{{ 'npss' | survey_url(3) }}\n")
    (problem,) = found(tmp_path, "<p>{{ 'nps' | survey_url(3) }}</p>")
    assert (problem.place.file, problem.place.line, problem.place.column) == ("mail.vi.txt", 2, 5)


@pytest.mark.parametrize(
    ("address", "signs", "warned"),
    [
        ("tin@other.example", "shop.example", True),
        ("tin@notshop.example", "shop.example", True),
        ("tin@shop.example", "shop.example", False),
        ("tin@mail.Shop.example", "shop.example", False),
        ("tin@other.example", None, False),
        ("'{{ shop.sender.email }}'", "shop.example", False),
    ],
)
def test_a_sender_that_nothing_signs_is_told(tmp_path: Path, address: str, signs: str | None, warned: bool) -> None:
    """Given a sender's domain that is not the one that signs, nor below it, then the check warns, at the address."""
    problems = found(tmp_path, "<p>x</p>", f"from_email: {address}\n", signs)
    assert [(one.severity, one.place.line, one.place.column) for one in problems] == [
        (Severity.WARNING, 3, 13)
    ] * warned
    assert all("'other.example'" in one.message or "'notshop.example'" in one.message for one in problems)
