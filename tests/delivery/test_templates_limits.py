"""No template takes a sender's time or memory, or reaches out of its sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.mails import FakeLinks, compiled
from worker.delivery.templates.errors import TemplateError

DOUBLING = "{% set a = 'aaaaaaaa' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}"
ADDING = "{% set a = 'aaaaaaaa' %}" + "{% set a = a + a %}" * 60 + "{{ a }}"
CAPTURING = "{% set a %}aaaaaaaa{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 60 + "{{ a }}"
FILTERING = "{% set a = 'aaaaaaaa' %}" + "{% set a = a | replace('a', 'aa') %}" * 60 + "{{ a }}"
JOINING = "{% set a = 'aaaaaaaa' %}" + "{% set a = [a, a] | join %}" * 60 + "{{ a }}"
SQUARING = "{% set a = 9 %}" + "{% set a = a * a %}" * 60 + "{{ a }}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * 'a' }}",
        "{{ [1] * 1000000000 }}",
        "{{ 10 ** 1000000000 }}",
        "{{ 9 ** 64 ** 64 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ x.center(1000000000) }}",
        "{{ x.join('abc') }}",
        "{{ x.encode() }}",
        "{{ range(1000000000) }}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{{ 'abcdefghij' }}{% endfor %}{% endfor %}",
        "{{ [1, 2] | batch(1000000000, 'x') | list }}",
        "{{ 1.5 | round(1000000000) }}",
        "{{ lipsum(n=1000000) }}",
        "{{ cycler('a') }}",
        "{{ namespace(a=1) }}",
        "{{ x.__class__ }}",
        "{{ x['__class__'] }}",
        "{{ ([x] | map(attribute='__class__') | list)[0] }}",
        "{{ box.update({'a': 1}) }}",
        "{{ box.pop('a') }}",
        "{{ long }}",
        DOUBLING,
        ADDING,
        CAPTURING,
        FILTERING,
        JOINING,
        SQUARING,
    ],
)
def test_what_has_no_bounds_fails_that_mail(tmp_path: Path, source: str) -> None:
    """Given an expression that would take all memory or time, or reaches into objects, then the mail fails at once."""
    with pytest.raises(TemplateError):
        compiled(tmp_path, {"mail.vi.html": f"<p>{source}</p>"}).render(
            {"x": "abc", "box": {"a": 1}, "long": "x" * 300_000}, FakeLinks()
        )


@pytest.mark.parametrize(
    "filter_",
    ["safe", "attr('x')", "center(9)", "indent(9)", "format(1)", "tojson", "urlize", "xmlattr", "pprint", "random"],
)
def test_filters_that_are_no_good_in_a_mail_are_not_there(tmp_path: Path, filter_: str) -> None:
    """Given a filter of Jinja's that makes HTML of values or text without bounds, then it is unknown."""
    with pytest.raises(TemplateError, match="no filter named"):
        compiled(tmp_path, {"mail.vi.html": f"<p>{{{{ x | {filter_} }}}}</p>"})


def test_a_mail_has_a_largest_size(tmp_path: Path) -> None:
    """Given a loop that writes more than two million characters, then the mail fails; less is well."""
    source = "{% for a in range(n) %}" + "x" * 5000 + "{% endfor %}"
    mail = compiled(tmp_path, {"mail.vi.html": f"<p>{source}</p>"})
    assert len(mail.render({"n": 300}, FakeLinks()).html) > 1_500_000
    with pytest.raises(TemplateError, match="more than 2,000,000 characters"):
        mail.render({"n": 500}, FakeLinks())


def test_loops_of_a_usual_size_are_not_counted_against_the_next_mail(tmp_path: Path) -> None:
    """Given mails with long loops, when many are rendered, then each has its own count."""
    mail = compiled(
        tmp_path, {"mail.vi.html": "{% for a in range(900) %}{% for b in range(20) %}{% endfor %}{% endfor %}x"}
    )
    for _ in range(3):
        assert mail.render({}, FakeLinks()).text == "x\n"


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{% if a is defined %}" * 60 + "{% endif %}" * 60,
        "{% for a in range(2) %}" * 30 + "{% endfor %}" * 30,
        "{% for a in range(2) recursive %}{% endfor %}",
        "<div>" * 3000 + "{{ a }}" + "</div>" * 3000,
        "<style>p { color: } .x::y:z { } td:has(p) {a:b} @font-face { } ::-x { } p:nth-child( { } </style><p>x</p>",
        "<style>}}} { p{{ '{' }} /* </style><p class='x'>x</p>",
        "<style>p { color: expression(alert(1)) } #1 { } .\\31 { a: url( } </style><p>x</p>",
        "</p></div><p><td></tr>{% if a is defined %}</table>{% endif %}<<>",
    ],
)
def test_odd_templates_compile_or_say_why(tmp_path: Path, source: str) -> None:
    """Given nested too deep, broken HTML or odd CSS, then there is a mail or a TemplateError, never anything else."""
    try:
        mail = compiled(tmp_path, {"mail.vi.html": source})
        mail.render({"a": 1}, FakeLinks())
    except TemplateError as error:
        assert str(error)
