"""Ways out of Jinja's sandbox that are known, tried in every text that Phin renders: none leads anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.mails import NOW, SHOP, FakeLinks, folder, values
from tests.fuzz.readers import watched
from tests.language.samples import VOCABULARY
from worker.delivery.templates.errors import TemplateError, UnknownTemplateError
from worker.delivery.templates.library import TemplateLibrary
from worker.domain.errors import FileError
from worker.language.flow.flows import read_flow

# by the name under which each is known
ESCAPES = {
    "attributes of classes": "''.__class__.__mro__[1].__subclasses__()",
    "by index": "''['__class__']['__base__']",
    "in pieces": "''['__cla' ~ 'ss__']",
    "escaped": r"''['\x5f\x5fclass\x5f\x5f']",
    "joined": "''[['__class', '__'] | join]",
    "reversed": "''['__ssalc__' | reverse]",
    "lower": "''['__CLASS__' | lower]",
    "from a number": "(1).__class__",
    "from a list": "[].__class__.__base__.__subclasses__()",
    "from what is missing": "nothing.__class__.__init__.__globals__",
    "attr": "'' | attr('__class__')",
    "attr of attr": "customer | attr('get') | attr('__self__')",
    "map of attribute": "[''] | map(attribute='__class__') | list | first",
    "map of attr": "[''] | map('attr', '__class__') | list",
    "selectattr": "[''] | selectattr('__class__') | list",
    "rejectattr": "[''] | rejectattr('__nothing__') | map(attribute='__class__') | list",
    "groupby": "[''] | groupby('__class__') | list",
    "sort": "['', ''] | sort(attribute='__class__.__mro__')",
    "sum": "[''] | sum(attribute='__class__')",
    "unique": "[''] | unique(attribute='__class__') | list",
    "max": "[''] | max(attribute='__class__')",
    "CVE-2016-10745 format": "'{0.__class__.__mro__}'.format('')",
    "CVE-2019-10906 format_map": "'{a.__class__}'.format_map({'a': ''})",
    "CVE-2024-56326 format that was kept": "['{0.__class__}'.format] | map('trim', '') | list",
    "CVE-2024-56326 format by a loop's word": "{'f': '{0.__class__}'.format}.f('')",
    "CVE-2025-27516 attr of format": "('{0.__class__}' | attr('format'))('')",
    "CVE-2025-27516 map of format": "['{0.__class__}'] | map('attr', 'format') | map('trim') | list",
    "percent": "'%(a)s' % {'a': ''.__class__}",
    "CVE-2024-22195 xmlattr": "{'x onload=alert(1)': 1} | xmlattr",
    "CVE-2024-34064 xmlattr": "{'x/onload=alert(1)>': 1} | xmlattr",
    "CVE-2020-28493 urlize": "('a@' ~ 'a' * 5000) | urlize",
    "CVE-2014-1402 cache": "lipsum.__globals__['os'].popen('id').read()",
    "cycler": "cycler.__init__.__globals__.os.popen('id').read()",
    "joiner": "joiner.__init__.__globals__['__builtins__']",
    "namespace": "namespace.__init__.__globals__",
    "lipsum": "lipsum.__globals__",
    "range": "range.__self__",
    "dict": "dict.__base__",
    "self": "self.__init__.__globals__",
    "self of a template": "self._TemplateReference__context.environment",
    "caller": "caller.__globals__",
    "loop": "loop.__init__.__globals__",
    "varargs": "varargs.__class__",
    "context": "context.__class__",
    "environment": "environment.filters",
    "request": "request.application.__globals__",
    "config": "config.items()",
    "url_for": "url_for.__globals__",
    "get_flashed_messages": "get_flashed_messages.__globals__",
    "a rendering's own things": "_run.links._tokens",
    "methods of values": "customer.get.__self__.__class__",
    "methods of moments": "now.__reduce_ex__(2)",
    "changing what others see": "customer.update({'name': 'x'})",
    "clearing": "customer.clear()",
    "setting": "customer.setdefault('a', 1)",
    "generators": "(customer.items() | list).__class__",
    "frames of generators": "([1] | map('upper')).gi_frame.f_globals",
    "code": "([1] | map('upper')).gi_code",
    "mro": "''.mro()",
    "decoding": "''.encode('utf-8').decode('utf-7')",
}
STATEMENTS = {
    "import of Python": "{% import 'os' as os %}{{ os }}",
    "a file above": "{% include '../secret.txt' %}",
    "a file far above": "{% include '../../../../../../etc/passwd' %}",
    "a file above by another way": "{% include 'layouts/../../secret.txt' %}",
    "an absolute file": "{% include '/etc/passwd' %}",
    "extending an absolute file": "{% extends '/etc/passwd' %}",
    "extending one above": "{% extends '../secret.html' %}",
    "importing one above": "{% import '../secret.html' as s %}{{ s.x }}",
    "from one above": "{% from '../secret.html' import x %}{{ x }}",
    "a list of files": "{% include ['../secret.txt', 'layouts/a.html'] %}",
    "backslashes": r"{% include '..\secret.txt' %}",
    "a null byte": "{% include 'layouts/a.html\0../secret.txt' %}",
    "a file by an address": "{% include 'file:///etc/passwd' %}",
    "a file that the data name": "{% include customer.name %}",
    "ignoring what is missing": "{% include '../secret.txt' ignore missing %}",
    "a picture above": "<img src='../secret.png' alt=''>",
    "a picture by an address": "<img src='file:///etc/hostname.png' alt=''>",
    "a stylesheet of a file": "<link rel='stylesheet' href='../secret.css'><p>x</p>",
    "a stylesheet from elsewhere": "<link rel='stylesheet' href='http://127.0.0.1:9/x.css'><p>x</p>",
    "a stylesheet imported": "<style>@import url('file:///etc/passwd'); p { a: b }</style><p>x</p>",
    "an entity": "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><p>&e;</p>",
    "call": "{% call(a) ''.__class__() %}{% endcall %}",
    "a macro's insides": "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "a macro's name": "{% macro m() %}{{ caller.__class__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "set of a block": "{% set x | attr('__class__') %}a{% endset %}{{ x }}",
    "filter of a block": "{% filter attr('__class__') %}a{% endfilter %}",
    "setting an attribute": "{% set customer.name = 'x' %}",
    "a namespace": "{% set n = namespace(a=1) %}{% set n.a = 2 %}{{ n.__class__ }}",
    "do": "{% do customer.update({'a': 1}) %}",
    "debug": "{% debug %}",
    "autoescape": "{% autoescape false %}<script>{{ customer.name }}</script>{% endautoescape %}",
}
SECRET = "what stands outside the folder"
INSIDES = re.compile(
    r"&lt;class|<class '|&lt;module|<module|<function|built-in|__class__'>|0x[0-9a-f]{8}|root:|" + SECRET
)
Place = Callable[[str], dict[str, str]]
PLACES: dict[str, Place] = {
    "html": lambda text: {"mail.vi.html": f"---\nsubject: x\n---\n<p>{text}</p>"},
    "attribute": lambda text: {"mail.vi.html": f'---\nsubject: x\n---\n<p title="{text}">x</p>'},
    "own text": lambda text: {"mail.vi.html": "---\nsubject: x\n---\n<p>x</p>", "mail.vi.txt": text},
    "mjml": lambda text: {
        "mail.vi.mjml": "---\nsubject: x\n---\n<mjml><mj-body><mj-section><mj-column><mj-text>"
        f"{text}</mj-text></mj-column></mj-section></mj-body></mjml>"
    },
    "subject": lambda text: {"mail.vi.html": f"---\nsubject: >-\n  {text}\n---\n<p>x</p>"},
    "preheader": lambda text: {"mail.vi.html": f"---\nsubject: x\npreheader: >-\n  {text}\n---\n<p>x</p>"},
    "sender": lambda text: {"mail.vi.html": f"---\nsubject: x\nfrom_name: >-\n  {text}\n---\n<p>x</p>"},
}


def seen_of(path: Path, files: dict[str, str]) -> str:
    """Return all that a mail shows, or what it is refused with."""
    path = path / "templates"
    path.mkdir()
    for name in ("secret.txt", "secret.html", "secret.css", "secret.png"):
        (path.parent / name).write_text(SECRET)
    folder(path, {"layouts/a.html": "a", **files})
    given = values(now=NOW)
    before = repr(given)
    try:
        made = TemplateLibrary(path, SHOP).get("mail", "vi")
        with watched():
            mail = made.render(given, FakeLinks())
    except TemplateError as error:
        return error.message
    assert repr(given) == before, "a mail changed what the next one is made of"
    return f"{mail.subject}\n{mail.from_name}\n{mail.html}\n{mail.text}"


@pytest.mark.parametrize("place", PLACES)
def test_no_expression_reaches_into_python(place: str, tmp_path: Path) -> None:
    """Given each known way out, in each text of a mail, then it is refused, or shows nothing of Python's insides."""
    for number, (name, code) in enumerate(ESCAPES.items()):
        home = tmp_path / str(number)
        home.mkdir()
        seen = seen_of(home, PLACES[place](f"{{{{ {code} }}}}"))
        assert not INSIDES.search(seen), f"{name}: {seen}"


@pytest.mark.parametrize("place", ["html", "own text", "mjml", "subject"])
def test_no_statement_reaches_a_file_or_the_network(place: str, tmp_path: Path) -> None:
    """Given each statement and element that fetches something, then nothing outside the folder is read or shown."""
    for number, (name, code) in enumerate(STATEMENTS.items()):
        home = tmp_path / str(number)
        home.mkdir()
        seen = seen_of(home, PLACES[place](code))
        assert not INSIDES.search(seen), f"{name}: {seen}"


def test_flows_know_no_python_at_all() -> None:
    """Given each known way out, in a condition and in a text of a flow, then it is no word of the language."""
    for name, code in ESCAPES.items():
        quoted = json.dumps(code)
        text = json.dumps(f"Chào {{{{ {code} }}}}")
        for condition, told in ((quoted, '"x"'), ("order.total > 0", text)):
            flow = f"when: {condition}\nsteps:\n  - send: welcome\n    with: {{percent: {told}}}\n"
            with pytest.raises(FileError):
                read_flow(f"flow: post-purchase\ntrigger: purchase\n{flow}", "flows/post-purchase.yaml", VOCABULARY)
                pytest.fail(f"{name} is taken")


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "layouts/../../secret", "..", "", ".", "mail\0", "..\\secret", "a/../../secret"],
)
def test_no_name_of_a_template_leads_outside(name: str, tmp_path: Path) -> None:
    """Given a name that data or a person gave, then only a template of the folder is found by it."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "secret.vi.html").write_text(f"---\nsubject: x\n---\n{SECRET}")
    with pytest.raises((TemplateError, UnknownTemplateError)):
        TemplateLibrary(tmp_path / "templates", SHOP).get(name, "vi")
    with pytest.raises((TemplateError, UnknownTemplateError)):
        TemplateLibrary(tmp_path / "templates", SHOP).get("secret", f"../{name}")


@pytest.mark.parametrize(
    "file",
    ["../secret.txt", "/etc/hostname.txt", "files/../../secret.txt", "..\\secret.txt", "file:///etc/a.txt", "a\0.txt"],
)
def test_no_attachment_is_taken_from_outside(file: str, tmp_path: Path) -> None:
    """Given the path of an attachment that leaves the folder, then the template is refused."""
    mail = {"mail.vi.html": f"---\nsubject: x\nattach:\n  - {file!r}\n---\n<p>x</p>"}
    assert re.search("no file of the folder|there is no|cannot be read", seen_of(tmp_path, mail))


@pytest.mark.parametrize(
    "element", ["<mj-include path='../secret.txt' />", "<mj-include path='/etc/passwd' type='html' />"]
)
def test_mjml_includes_nothing_from_outside(element: str, tmp_path: Path) -> None:
    """Given MJML's own way of including files, then it is no way out of the folder."""
    mail = {"mail.vi.mjml": f"---\nsubject: x\n---\n<mjml><mj-body>{element}</mj-body></mjml>"}
    assert re.search("no file of the folder|no element of MJML", seen_of(tmp_path, mail))
