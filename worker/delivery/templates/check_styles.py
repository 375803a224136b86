"""What can be wrong with a template's styles: rules that reach no element, classes that no rule names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rapidfuzz import process

from worker.delivery.templates.inline import selectors_of
from worker.delivery.templates.protected import TAG, Protected
from worker.delivery.templates.sources import Sources
from worker.domain.errors import Problem, Severity

_UPPERCASE = re.compile(r"(?<![.#\w-])[A-Z][A-Za-z0-9]*")
_NOT_INLINED = re.compile(r":not\(|:nth-|:has\(|:is\(|:where\(|::?(?:before|after|first-letter|first-line)\b")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark")
_HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CURLY = re.compile(r"[{}]")
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_PART = re.compile(r"\[class[*^$~|]?=[\"']?([\w-]+)")  # `[class*="w320"]` names every class with that in it
_ONE_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_PSEUDO = re.compile(r":(?!root\b|first-child\b|last-child\b)[a-z-]+")


@dataclass(slots=True)
class Rules:
    """The classes that a template's stylesheets name, and what of them reaches an element.

    Parameters:
        inlined: classes in rules that are put into the elements.
        kept: those in rules that stay in the stylesheet: in `@media` and its like, with `:hover` and its like.
        plain: what the rules of one class alone say, property by property.
        later: for each class what rules within `@media` say without `!important`.
    """

    inlined: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    plain: dict[str, dict[str, str]] = field(default_factory=dict)
    later: list[tuple[str, str, str]] = field(default_factory=list)


def style_problems(protected: Protected, sources: Sources) -> Iterator[Problem]:
    """Report selectors, rules and classes that do not do what they say."""
    line = next((element.line for element in protected.elements if element.name == "style"), 1)
    yield from _selectors(protected, line, sources)
    yield from _dark(protected, line, sources)
    if any(protected.pattern.search(selector) for selector in _every_selector(protected.styles)):
        return  # a class may be named by an expression
    rules = _rules(protected.styles)
    beside = {name for one in _HTML_COMMENT.findall(protected.html) for name in _CLASS.findall(one)}
    parts = {part for style in protected.styles for part in _PART.findall(style)}
    yield from _classes(protected, rules, beside, parts, sources)
    yield from _beaten(rules, line, sources)


def _dark(protected: Protected, line: int, sources: Sources) -> Iterator[Problem]:
    """Report rules for the dark that Apple's programs pass over: they ask the document first whether it has any."""
    if not any(_DARK.search(style) for style in protected.styles):
        return
    said = [one for one in protected.elements if one.attributes.get("name", "").lower() == "color-scheme"]
    if not any("dark" in one.attributes.get("content", "") for one in said):
        message = "the rules for the dark are passed over: the document does not say that it has any"
        hint = 'write <meta name="color-scheme" content="light dark"> into its head'
        yield sources.problem(line, message, Severity.WARNING, near="prefers-color-scheme", hint=hint)


def _selectors(protected: Protected, line: int, sources: Sources) -> Iterator[Problem]:
    for selector in dict.fromkeys(selectors_of(protected.styles)):
        fault = ""
        if _NOT_INLINED.search(selector):
            fault = "is not put into the elements, and many mail programs do not know it"
        elif _UPPERCASE.search(selector):
            fault = "matches nothing: an element's name is written in small letters"
        if fault:
            near = selector if protected.pattern.search(selector) is None else ""
            yield sources.problem(line, f"the selector '{selector}' {fault}", Severity.WARNING, near=near)


def _classes(
    protected: Protected, rules: Rules, beside: set[str], parts: set[str], sources: Sources
) -> Iterator[Problem]:
    known = rules.inlined | rules.kept | beside
    told: set[str] = set()
    for element in protected.elements:
        names = element.attributes.get("class", "").split()
        for name in (name for name in names if TAG not in name and name not in told | rules.inlined | beside):
            told.add(name)
            if any(part in name for part in parts):
                continue
            if name in known:
                message = f"the class '{name}' stands only in '@media' rules and the like, which many programs drop"
                hint = f"say in a rule of its own what it looks like without, or that nothing is meant: .{name} {{}}"
            else:
                message = f"no rule of the stylesheet names the class '{name}'"
                close = process.extractOne(name, sorted(known), score_cutoff=75)
                hint = f"did you mean '{close[0]}'?" if close else "take it out, or give it a rule"
            yield sources.problem(element.line, message, Severity.WARNING, near=name, hint=hint)


def _beaten(rules: Rules, line: int, sources: Sources) -> Iterator[Problem]:
    """Report what `@media` says without `!important` of what is inlined otherwise: the element's own style wins."""
    for name, key, value in rules.later:
        inlined = rules.plain.get(name, {}).get(key)
        if inlined is not None and inlined != value:
            message = f"'{key}: {value}' of '.{name}' in '@media' never counts: '{key}: {inlined}' is in the element"
            hint = f"write: {key}: {value} !important"
            yield sources.problem(line, message, Severity.WARNING, near=f".{name}", hint=hint)


def _every_selector(styles: Iterable[str]) -> Iterator[str]:
    for selector, _, _ in _blocks(styles):
        yield selector


def _rules(styles: Iterable[str]) -> Rules:
    found = Rules()
    for written, body, conditional in _blocks(styles):
        for selector in (part.strip() for part in written.split(",")):
            names = _CLASS.findall(selector)
            kept = conditional or _PSEUDO.search(selector)
            (found.kept if kept else found.inlined).update(names)
            one = _ONE_CLASS.fullmatch(selector)
            if one is not None:
                said = _declarations(body)
                if conditional:
                    found.later += ((one[1], key, value) for key, value in said.items() if "!important" not in value)
                else:
                    found.plain.setdefault(one[1], {}).update(said)
    return found


def _declarations(body: str) -> Mapping[str, str]:
    pairs = (part.partition(":") for part in body.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip() and value.strip()}


def _blocks(styles: Iterable[str]) -> Iterator[tuple[str, str, bool]]:
    """Give each rule: its selectors, what it says, and whether it stands within `@media` or its like."""
    for style in styles:
        text = _COMMENT.sub("", style)
        start, heads = 0, list[str]()
        for curly in _CURLY.finditer(text):
            between = text[start : curly.start()].strip()
            start = curly.end()
            if curly[0] == "{":
                heads.append(between.rpartition(";")[2].strip())
            elif heads:
                head = heads.pop()
                if not head.startswith("@"):
                    yield head, between, any(one.startswith("@") for one in heads)
