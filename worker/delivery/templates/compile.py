"""From a template's files to what renders: read, flattened, inlined, checked and compiled, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2 import TemplateError as JinjaError
from lxml import etree

from worker.delivery.templates.check import STAFF, Known, Named, needs_of, problems_of
from worker.delivery.templates.environment import MailEnvironment, marked
from worker.delivery.templates.errors import RenderLimitError, StylesheetError, TemplateError
from worker.delivery.templates.flatten import flatten
from worker.delivery.templates.front_matter import Entry, read_front_matter
from worker.delivery.templates.inline import inline_once, parsed, restored, written
from worker.delivery.templates.links import LINKED, Link, source_of
from worker.delivery.templates.pieces import Data, Piece, cut, lower_first
from worker.delivery.templates.protect import protect
from worker.delivery.templates.protected import Protected
from worker.delivery.templates.rendered import CompiledTemplate, Part, Parts
from worker.delivery.templates.sources import Sources
from worker.delivery.templates.text_part import label_of, text_of
from worker.domain.errors import Severity
from worker.domain.settings import Shop

_SLOW = "so its CSS is inlined again for each mail, at some ten milliseconds a mail instead of a tenth of one"


class Compiler:
    """Compiles the templates of one folder.

    Parameters:
        folder: the folder of templates.
        shop: the shop that the mails are from.
        fields: names of the customers' own fields.
    """

    def __init__(self, folder: Path, shop: Shop, fields: frozenset[str] = frozenset()) -> None:
        self.folder = folder
        self.shop = shop
        self.fields = fields
        self.shop_values = shop.model_dump(mode="python")
        self.zone = ZoneInfo(shop.timezone)
        self.environment: Callable[[str, bool], MailEnvironment] = lru_cache(maxsize=64)(self._environment)

    def _environment(self, language: str, html: bool) -> MailEnvironment:
        return MailEnvironment(language, self.shop.currency, html=html)

    def compile(self, name: str, language: str, sources: Sources, *, afterwards: bool = False) -> CompiledTemplate:
        """Compile one template in one language.

        Parameters:
            sources: reads the files; it knows afterwards which they were, also where this raises.
            afterwards: inline after rendering even where it can be done before, to compare the two.

        Raises:
            TemplateError: it cannot be compiled.
        """
        return _Compiling(self, name, language, sources).result(afterwards)


class _Compiling:
    """The work on one template in one language."""

    def __init__(self, compiler: Compiler, name: str, language: str, sources: Sources) -> None:
        self._compiler = compiler
        self._name = name
        self._language = language
        self._sources = sources
        self._trees: list[nodes.Template] = []  # all that was parsed, for the check
        self._links: list[Link] = []

    def result(self, afterwards: bool) -> CompiledTemplate:
        sources, shop = self._sources, self._compiler.shop
        file = f"{self._name}.{self._language}.html"
        source = sources.read(file)
        front = read_front_matter(source, sources)
        protected = protect(flatten(file, sources), sources)
        root = parsed(protected.html)
        self._links = list(_links(protected, root))
        reason = "it was asked for" if afterwards else self._inlined(protected, root)
        html = protected.html if reason else written(root)
        own = self._own_text()
        text = own or (None if reason else self._text(protected, root))

        def entry(key: str, otherwise: str = "") -> Part:
            given = front.entries.get(key)
            return self._entry(given) if given else Part(otherwise)

        parts = Parts(
            subject=entry("subject"),
            preheader=entry("preheader"),
            from_name=entry("from_name", shop.sender.name),
            from_email=entry("from_email", shop.sender.email),
            reply_to=entry("reply_to", shop.sender.reply_to or ""),
            html=self._part(self._prelude(protected) + restored(html, protected, _html_code(protected)), html=True),
            text=text,
            own_text=own is not None,
            inlined=reason is None,
            sources=sources,
            shop=self._compiler.shop_values,
            zone=self._compiler.zone,
        )
        texts = [Named.of(tree) for tree in self._trees]
        known = Known(self._compiler.fields, frozenset(front.values), self._name.startswith(f"{STAFF}/"))
        problems = problems_of(texts, protected, known, sources)
        if reason and not afterwards:
            problems.append(sources.problem(source.start + 1, f"{reason}, {_SLOW}", Severity.WARNING))
        return CompiledTemplate(
            name=self._name,
            language=self._language,
            hash=sources.hash,
            links=tuple(self._links),
            problems=tuple(problems),
            values=front.values,
            needs=needs_of(texts, front.values),
            parts=parts,
        )

    def _inlined(self, protected: Protected, root: etree._Element) -> str | None:
        try:
            return inline_once(protected, root)
        except StylesheetError as error:
            line = next((element.line for element in protected.elements if element.name == "style"), 1)
            raise self._sources.error(line, str(error), near="<style") from error

    def _text(self, protected: Protected, root: etree._Element) -> Part:
        """Derive the text from the inlined document."""
        text = restored(text_of(root, protected), protected, _text_code(protected))
        return self._part(self._prelude(protected) + text, html=False)

    def _own_text(self) -> Part | None:
        """Compile `NAME.vi.txt`, where there is one; its `| link` filters are numbered after the HTML's links."""
        path = self._compiler.folder / f"{self._name}.{self._language}.txt"
        if not self._sources.look(path):
            return None
        pieces = flatten(path.name, self._sources, plain=True)
        tree = self._tree(marked(pieces), html=False)
        for node in tree.find_all(nodes.Filter):
            if node.name == "link" and node.node is not None:
                number = len(self._links) + 1
                place, line = self._sources.place(node.lineno)
                self._links.append(Link(number, line.strip(), f"{place.file}:{place.line}"))
                node.name, node.args = LINKED, [nodes.Const(number, lineno=node.lineno)]
        return Part(template=self._compiled(tree, html=False))

    def _entry(self, entry: Entry) -> Part:
        """Compile a value of the front matter."""
        pieces = cut(entry.text, entry.line - 1, self._sources)
        if all(isinstance(piece, Data) for piece in pieces):
            return Part(entry.text)
        return self._part(marked(pieces), html=False)

    def _part(self, source: str, *, html: bool) -> Part:
        return Part(template=self._compiled(self._tree(source, html=html), html=html))

    def _tree(self, source: str, *, html: bool) -> nodes.Template:
        try:
            tree = self._compiler.environment(self._language, html).parse(source)
        except TemplateSyntaxError as error:
            raise self._sources.error(error.lineno, lower_first(error.message or "cannot be read")) from error
        except RecursionError as error:
            raise self._whole("it is nested too deep") from error
        self._trees.append(tree)
        return tree

    def _compiled(self, tree: nodes.Template, *, html: bool) -> Template:
        try:
            return self._compiler.environment(self._language, html).compiled(tree)
        except TemplateSyntaxError as error:
            message = lower_first(error.message or "cannot be compiled")
            near = message.split("'")[1] if message.count("'") > 1 else ""
            raise self._sources.error(error.lineno, message, near=near) from error
        except (JinjaError, RenderLimitError) as error:
            raise self._whole(lower_first(str(error))) from error
        except (RecursionError, SyntaxError) as error:  # Python nests 20 blocks, and so many brackets
            raise self._whole("it is nested too deep") from error

    def _whole(self, message: str) -> TemplateError:
        return TemplateError(f"{self._name}.{self._language}.html", 1, message)

    def _prelude(self, protected: Protected) -> str:
        return marked(protected.prelude)


def _html_code(protected: Protected) -> dict[str, str]:
    return {mark: marked(token.pieces) for mark, token in protected.tokens.items()}


def _text_code(protected: Protected) -> dict[str, str]:
    """Return what stands for each placeholder in the text, where nothing is escaped."""

    def plain(pieces: Sequence[Piece]) -> list[Piece]:
        return [Data(unescape(piece.text), piece.line) if isinstance(piece, Data) else piece for piece in pieces]

    return {mark: marked(plain(token.pieces)) for mark, token in protected.tokens.items()}


def _links(protected: Protected, root: etree._Element) -> list[Link]:
    """Return the tracked links with the text that is clicked."""
    labels: dict[str, str] = {}
    sources = {mark: "".join(source_of(piece) for piece in token.pieces) for mark, token in protected.tokens.items()}
    for element in root.iter("a", "area"):
        label = label_of(element, protected)
        labels[element.get("href", "")] = protected.pattern.sub(lambda found: sources[found[1] or found[2]], label)
    return [
        Link(anchor.number, anchor.url, labels.get(anchor.mark, "")) for anchor in protected.anchors if anchor.number
    ]
