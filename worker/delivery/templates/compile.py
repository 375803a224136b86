"""From a template's files to what renders: read, flattened, inlined, checked and compiled, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2 import TemplateError as JinjaError
from lxml import etree

from worker.delivery.templates.attached import attachments, encoded, weight_problems
from worker.delivery.templates.cache import Cache
from worker.delivery.templates.check import STAFF, Known, Named, needs_of, problems_of
from worker.delivery.templates.check_size import size_problems
from worker.delivery.templates.codes import html_code, links_of, text_code
from worker.delivery.templates.environment import MailEnvironment, marked
from worker.delivery.templates.errors import RenderLimitError, StylesheetError, TemplateError
from worker.delivery.templates.fixed import with_shop
from worker.delivery.templates.flatten import flatten
from worker.delivery.templates.front_matter import Entry, read_front_matter
from worker.delivery.templates.inline import Hindrance, inline_once, parsed, restored, written
from worker.delivery.templates.links import LINKED, PAGES, Link
from worker.delivery.templates.made import Made, Text
from worker.delivery.templates.mjml import SUFFIX, html_of
from worker.delivery.templates.pieces import Data, Piece, cut, lower_first
from worker.delivery.templates.protect import protect
from worker.delivery.templates.protected import Protected
from worker.delivery.templates.rendered import CompiledTemplate, Part, Parts
from worker.delivery.templates.sources import Sources
from worker.delivery.templates.text_part import text_of
from worker.domain.errors import Severity
from worker.domain.setting_groups import Shop

_SLOW = "so its CSS is inlined again for each mail, at some ten milliseconds a mail instead of a tenth of one"


class Compiler:
    """Compiles the templates of one folder.

    Parameters:
        folder: the folder of templates.
        shop: the shop that the mails are from.
        fields: names of the customers' own fields.
        cache: where what is made is kept for other processes, or None.
    """

    def __init__(
        self, folder: Path, shop: Shop, fields: frozenset[str] = frozenset(), *, cache: Path | None = None
    ) -> None:
        self.folder = folder
        self.shop = shop
        self.fields = fields
        self.shop_values = shop.model_dump(mode="python")
        self.zone = ZoneInfo(shop.timezone)
        self.environment: Callable[[str, bool], MailEnvironment] = lru_cache(maxsize=64)(self._environment)
        beside = json.dumps([shop.model_dump(mode="json"), sorted(fields)])
        self.cache = Cache(cache, beside) if cache else None

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
        made, parts = _Compiling(self, name, language, sources).result(afterwards)
        if self.cache and not afterwards:
            self.cache.write(made)
        return self._ready(made, sources, parts.__getitem__)

    def kept(self, name: str, language: str, sources: Sources) -> CompiledTemplate | None:
        """Return what was compiled of the same files before, by any process; None where nothing was."""
        made = self.cache.read(name, language, sources) if self.cache else None
        if made is None:
            return None
        make = partial(self._template, language)
        return self._ready(made, sources, lambda text: Part(text, make))

    def needs(self, name: str, language: str, sources: Sources) -> frozenset[str]:
        """Return what a template needs, without compiling it; most of what keeps one from compiling is told.

        Raises:
            TemplateError: it cannot be compiled.
        """
        return _Compiling(self, name, language, sources).needs()

    def tree(self, language: str, text: Text) -> tuple[nodes.Template, list[int]]:
        """Parse a text; in one of the author's own, number its `| link` filters and return their lines."""
        tree = self.environment(language, text.html).parse(text.source)
        lines: list[int] = []
        for node in tree.find_all(nodes.Filter) if text.first else ():
            if node.name == "link" and node.node is not None:
                node.name, node.args = LINKED, [nodes.Const(text.first + len(lines), lineno=node.lineno)]
                lines.append(node.lineno)
        return tree, lines

    def _template(self, language: str, text: Text) -> Template:
        return self.compiled(language, text, self.tree(language, text)[0])

    def compiled(self, language: str, text: Text, tree: nodes.Template) -> Template:
        """Compile what was parsed of a text."""
        return self.environment(language, text.html).compiled(with_shop(tree, self.shop_values))

    def _ready(self, made: Made, sources: Sources, part: Callable[[Text], Part]) -> CompiledTemplate:
        return CompiledTemplate(
            name=made.name,
            language=made.language,
            hash=made.hash,
            links=made.links,
            problems=made.problems,
            values=made.values,
            needs=frozenset(made.needs),
            parts=Parts(
                subject=part(made.subject),
                preheader=part(made.preheader),
                from_name=part(made.from_name),
                from_email=part(made.from_email),
                reply_to=part(made.reply_to),
                html=part(made.html),
                text=None if made.text is None else part(made.text),
                own_text=made.own_text,
                inlined=made.inlined,
                files=encoded(made.attached, sources),
                pages=tuple(sorted(name for name in PAGES if any(name in text.source for text in made.texts))),
                sources=sources,
                shop=self.shop_values,
                zone=self.zone,
            ),
        )


class _Compiling:
    """The work on one template in one language."""

    def __init__(self, compiler: Compiler, name: str, language: str, sources: Sources) -> None:
        self._compiler = compiler
        self._name = name
        self._language = language
        self._sources = sources
        self._file = self._found(compiler.folder)
        self._trees: list[nodes.Template] = []  # all that was parsed, for the check
        self._links: list[Link] = []
        self._parts: dict[Text, Part] = {}

    def result(self, afterwards: bool) -> tuple[Made, dict[Text, Part]]:
        """Return what is made of the files, and the parts of its texts, which are compiled already."""
        sources, shop = self._sources, self._compiler.shop
        source = sources.read(self._file)
        front = read_front_matter(source, sources)
        protected = protect(self._pieces(), sources)
        attached = (*protected.pictures.values(), *attachments(front.attach, sources))
        heavy = list(weight_problems(attached, source.start + 1, sources))
        root = parsed(protected.html)
        self._links = list(links_of(protected, root))
        hindrance = Hindrance("it was asked for") if afterwards else self._inlined(protected, root)
        html = protected.html if hindrance else written(root)
        own = self._own_text()
        text = own or (None if hindrance else self._text(protected, root))

        def entry(key: str, otherwise: str = "") -> Text:
            given = front.entries.get(key)
            return self._part(self._entry(given) if given else Text(otherwise))

        subject, preheader = entry("subject"), entry("preheader")
        from_name, from_email = entry("from_name", shop.sender.name), entry("from_email", shop.sender.email)
        reply_to = entry("reply_to", shop.sender.reply_to or "")
        code = marked(protected.prelude) + restored(html, protected, html_code(protected))
        body = self._part(Text(code, jinja=True, html=True))
        texts = [Named.of(tree) for tree in self._trees]
        known = Known(self._compiler.fields, frozenset(front.values), self._name.startswith(f"{STAFF}/"))
        problems = problems_of(texts, protected, root, known, sources)
        problems += size_problems(self._trees[-1], len(self._links), self._file, sources)  # the body was compiled last
        problems += heavy
        if hindrance and not afterwards:
            line, told = hindrance.line or source.start + 1, f"{hindrance.reason}, {_SLOW}"
            problems.append(sources.problem(line, told, Severity.WARNING, near=hindrance.near))
        made = Made(
            name=self._name,
            language=self._language,
            hash=sources.hash,
            files=sources.files,
            missing=sources.missing,
            links=tuple(self._links),
            problems=tuple(problems),
            values=front.values,
            needs=tuple(sorted(needs_of(texts, front.values))),
            subject=subject,
            preheader=preheader,
            from_name=from_name,
            from_email=from_email,
            reply_to=reply_to,
            html=body,
            text=text,
            own_text=own is not None,
            inlined=hindrance is None,
            attached=attached,
        )
        return made, self._parts

    def needs(self) -> frozenset[str]:
        """Return what the template needs: the CSS adds no names, and the text has no others than the HTML."""
        front = read_front_matter(self._sources.read(self._file), self._sources)
        pieces = self._pieces()
        protect(pieces, self._sources)
        texts = [self._entry(entry) for entry in front.entries.values()]
        texts.append(Text(marked(pieces), jinja=True, html=True))
        if (own := self._own()) is not None:
            texts.append(own)
        for text in texts:
            if text.jinja:
                self._tree(text)
        try:
            return needs_of([Named.of(tree) for tree in self._trees], front.values)
        except TemplateSyntaxError as error:  # an unknown filter
            raise self._sources.error(error.lineno, lower_first(error.message or "cannot be compiled")) from error
        except RecursionError as error:
            raise self._whole("it is nested too deep") from error

    def _found(self, folder: Path) -> str:
        """Return the template's file: HTML, or MJML."""
        html, mjml = (f"{self._name}.{self._language}{suffix}" for suffix in (".html", SUFFIX))
        if not self._sources.look(folder / mjml):
            return html
        if self._sources.look(folder / html):
            raise TemplateError(
                mjml, 0, f"stands beside '{html}'", hint="there is one or the other; remove one of them"
            )
        return mjml

    def _pieces(self) -> list[Piece]:
        """Return the template's HTML as one flat list of pieces."""
        pieces = flatten(self._file, self._sources)
        return html_of(pieces, self._sources, self._language) if self._file.endswith(SUFFIX) else pieces

    def _inlined(self, protected: Protected, root: etree._Element) -> Hindrance | None:
        try:
            return inline_once(protected, root)
        except StylesheetError as error:
            line = next((element.line for element in protected.elements if element.name == "style"), 1)
            raise self._sources.error(line, str(error), near="<style") from error

    def _text(self, protected: Protected, root: etree._Element) -> Text:
        """Derive the text from the inlined document."""
        text = restored(text_of(root, protected), protected, text_code(protected))
        return self._part(Text(marked(protected.prelude) + text, jinja=True))

    def _own_text(self) -> Text | None:
        """Compile the text of the author's own, where there is one."""
        own = self._own()
        return None if own is None else self._part(own)

    def _own(self) -> Text | None:
        """Read `NAME.vi.txt`; its `| link` filters are numbered after the HTML's links."""
        path = self._compiler.folder / f"{self._name}.{self._language}.txt"
        if not self._sources.look(path):
            return None
        pieces = flatten(str(path.relative_to(self._compiler.folder)), self._sources, plain=True)
        return Text(marked(pieces), jinja=True, first=len(self._links) + 1)

    def _entry(self, entry: Entry) -> Text:
        """Read a value of the front matter."""
        pieces = cut(entry.text, entry.line - 1, self._sources)
        if all(isinstance(piece, Data) for piece in pieces):
            return Text(entry.text)
        return Text(marked(pieces), jinja=True)

    def _part(self, text: Text) -> Text:
        """Compile a text, so that what is wrong with it is told now."""
        if text not in self._parts:
            part = self._parts[text] = Part(text, self._compiled)
            part.prepare()
        return text

    def _tree(self, text: Text) -> nodes.Template:
        try:
            tree, links = self._compiler.tree(self._language, text)
        except TemplateSyntaxError as error:
            raise self._sources.error(error.lineno, lower_first(error.message or "cannot be read")) from error
        except RecursionError as error:
            raise self._whole("it is nested too deep") from error
        self._trees.append(tree)
        for number, lineno in enumerate(links, text.first):
            place, line = self._sources.place(lineno)
            self._links.append(Link(number, line.strip(), f"{place.file}:{place.line}"))
        return tree

    def _compiled(self, text: Text) -> Template:
        tree = self._tree(text)
        try:
            return self._compiler.compiled(self._language, text, tree)
        except TemplateSyntaxError as error:
            message = lower_first(error.message or "cannot be compiled")
            near = message.split("'")[1] if message.count("'") > 1 else ""
            raise self._sources.error(error.lineno, message, near=near) from error
        except (JinjaError, RenderLimitError) as error:
            raise self._whole(lower_first(str(error))) from error
        except (RecursionError, SyntaxError) as error:  # Python nests 20 blocks, and so many brackets
            raise self._whole("it is nested too deep") from error

    def _whole(self, message: str) -> TemplateError:
        return TemplateError(self._file, 1, message)
