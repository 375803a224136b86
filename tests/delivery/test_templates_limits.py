"""No template takes a sender's time or memory, or reaches out of its sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.mails import NOW, FakeLinks, compiled
from worker.delivery.templates.errors import TemplateError

MJML = "---\nsubject: x\n---\n<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"

DOUBLING = "{% set a = 'aaaaaaaa' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}"
ADDING = "{% set a = 'aaaaaaaa' %}" + "{% set a = a + a %}" * 60 + "{{ a }}"
CAPTURING = "{% set a %}aaaaaaaa{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 60 + "{{ a }}"
FILTERING = "{% set a = 'aaaaaaaa' %}" + "{% set a = a | replace('a', 'aa') %}" * 60 + "{{ a }}"
JOINING = "{% set a = 'aaaaaaaa' %}" + "{% set a = [a, a] | join %}" * 60 + "{{ a }}"
SQUARING = "{% set a = 9 %}" + "{% set a = a * a %}" * 60 + "{{ a }}"


LONG = "{% set a = 'a a a a ' %}" + "{% set a = a ~ a %}" * 14  # 131,072 characters


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
        "{{ x.zfill(1000000000) }}",
        "{{ x.expandtabs(1000000000) }}",
        "{{ x.format_map(box) }}",
        "{{ x.translate(box) }}",
        "{{ now.strftime('%1000000000d') }}",
        "{{ x['__cla' ~ 'ss__'] }}",
        "{{ [x] | selectattr('__class__') | list }}",
        "{{ [x, x] | sort(attribute='__class__') }}",
        "{{ [x] | map('attr', '__class__') | list }}",
        "{{ ['{0.__class__}'] | map('format', x) | list }}",
        "{{ range.__globals__ }}",
        "{{ box.items.__self__ }}",
        "{{ now.replace.__self__ }}",
        "{% for a in [1] %}{{ loop.__class__ }}{% endfor %}",
        "{% for a in [1] %}{{ loop.cycle.__func__ }}{% endfor %}",
        "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
        "{{ self }}",
        "{{ self.body() }}",
        "{{ joiner(',') }}",
        "{{ caller() }}",
        "{{ context }}",
        "{{ environment }}",
        "{{ _run }}",
        "{% include x %}",
        LONG + "{{ a.split(' ') | map('replace', 'a', a) | join | length }}",
        LONG + "{{ a.split(' ') | map('replace', 'a', a) | list | length }}",
        LONG + "{{ a.split(' ') | map('list') | sum(start=[]) | length }}",
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
            {"x": "abc", "box": {"a": 1}, "long": "x" * 300_000, "now": NOW}, FakeLinks()
        )


@pytest.mark.parametrize(
    "source", ["{{ [x] | map(attribute='__class__.__mro__') | list }}", "{{ [x] | groupby('__class__') }}"]
)
def test_pythons_insides_are_not_there(tmp_path: Path, source: str) -> None:
    """Given a filter that reads attributes by their names, then those of Python's own are missing."""
    mail = compiled(tmp_path, {"mail.vi.html": f"<p>{source}</p>"}).render({"x": "abc"}, FakeLinks())
    assert "Undefined" in mail.text
    assert "class" not in mail.text


def test_loops_within_their_turns_end_all_the_same(tmp_path: Path) -> None:
    """Given few turns that each work on long texts, then the mail fails after a second of the processor's time."""
    inner = "{% set b = a.split(' ') %}" * 20
    loops = f"{LONG}{{% for c in range(1000) %}}{inner}{{% endfor %}}"
    with pytest.raises(TemplateError, match="take more than 1 second of work"):
        compiled(tmp_path, {"mail.vi.html": loops}).render({}, FakeLinks())


@pytest.mark.parametrize(
    "files",
    [
        {
            "mail.vi.html": "".join(
                f"{{% macro m{n}() %}}{{{{ m{n + 1}() }}}}{{{{ m{n + 1}() }}}}{{% endmacro %}}" for n in range(19)
            )
            + "{% macro m19() %}x{% endmacro %}{{ m0() }}"
        },
        {
            "mail.vi.html": '{% include "layouts/0.html" %}',
            **{f"layouts/{n}.html": f'{{% include "layouts/{n + 1}.html" %}}' * 2 for n in range(25)},
            "layouts/25.html": "x",
        },
        {
            "mail.vi.html": '{% from "layouts/0.html" import m %}{{ m() }}',
            **{
                f"layouts/{n}.html": f'{{% from "layouts/{n + 1}.html" import m as a %}}' * 2
                + "{% macro m() %}{{ a() }}{{ a() }}{% endmacro %}"
                for n in range(25)
            },
            "layouts/25.html": "{% macro m() %}x{% endmacro %}",
        },
        {
            "mail.vi.html": '{% extends "layouts/b.html" %}{% block a %}' + "{{ super() }}" * 3_000 + "{% endblock %}",
            "layouts/b.html": "<p>{% block a %}" + "{{ 1 }}" * 2_000 + "{% endblock %}</p>",
        },
        {"mail.vi.html": "".join(f"{{% block a{n} %}}" for n in range(2_000)) + "{% endblock %}" * 2_000},
        {"mail.vi.html": "{% block a %}{% block a %}{% endblock %}{% endblock %}"},
        {"mail.vi.html": "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"},
        {"mail.vi.mjml": MJML.format("<mj-raw>" + "<div>" * 20_000 + "</div>" * 20_000 + "</mj-raw>")},
        {"mail.vi.mjml": MJML.format("<a " * 150_000)},
        {"mail.vi.mjml": MJML.format("<!--" * 100_000)},
    ],
    ids=["macros", "includes", "imports", "super", "blocks", "a block in itself", "macros in a circle", *"mjml"[:3]],
)
def test_what_grows_without_end_is_not_compiled(tmp_path: Path, files: dict[str, str]) -> None:
    """Given parts within parts, each twice, or elements without end, then the template fails soon, and names a line."""
    with pytest.raises(TemplateError) as caught:
        compiled(tmp_path, files)
    assert caught.value.line


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
