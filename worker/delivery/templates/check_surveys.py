"""Which surveys a compiled template asks, as far as it says so by itself: their names and marks, with their places.

A name or a mark may reach its link through a macro's parameters, `{% set %}` and loops over `range` or a list. What
only a customer's values tell is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from worker.delivery.templates.links import SURVEY
from worker.delivery.templates.rendered import CompiledTemplate, Part
from worker.domain.errors import Problem
from worker.domain.setting_surveys import Survey
from worker.language.yaml.suggestions import did_you_mean, listed

_MOST = 200  # values that a name may have, and turns of a loop that are looked at


@dataclass(frozen=True, slots=True)
class _Value:
    """A value that is known, and the global line on which it is written."""

    value: Any
    line: int


_Values = tuple[_Value, ...]  # each that it may be; empty: not known
_Scope = Mapping[str, _Values]


def survey_problems(compiled: CompiledTemplate, surveys: Mapping[str, Survey]) -> list[Problem]:
    """Return where a template asks a survey that there is not, or gives it a mark that its scale has not.

    Such a mail is never made (`worker.delivery.links.MessageLinks.survey`).
    """
    parts, sources = compiled.parts, compiled.parts.sources
    found: dict[Problem, None] = {}
    for part in (parts.subject, parts.preheader, parts.html, parts.text):
        if part is None or SURVEY not in part.text.source or not part.text.jinja:
            continue
        for name, marks in _asked(part):
            survey = surveys.get(name.value) if isinstance(name.value, str) else None
            near = str(name.value)
            if survey is None:
                message = (
                    f"there is no survey '{name.value}' under 'surveys' in config/phin.yaml; such a mail is not made"
                )
                there = f"there are: {', '.join(sorted(surveys))}" if surveys else "there is none yet (docs/surveys.md)"
                hint: str = did_you_mean(near, surveys) or there
                found[sources.problem(name.line, message, near=near, hint=hint)] = None
                continue
            wrong = [mark.value for mark in marks if mark.value is not None and mark.value not in survey.scale.marks]
            if wrong:
                first, last = survey.scale.marks[0], survey.scale.marks[-1]
                told = listed(map(str, dict.fromkeys(wrong)), "and").replace("'", "")
                message = f"the survey '{name.value}' takes marks from {first} to {last}, not {told}"
                fitting = [key for key, one in surveys.items() if all(mark in one.scale.marks for mark in wrong)]
                other = f"{listed(fitting)} would take it; " if fitting else ""
                hint = f"{other}such a mail is not made"
                found[sources.problem(name.line, message, near=near, hint=hint)] = None
    return list(found)


def _asked(part: Part) -> Iterator[tuple[_Value, _Values]]:
    """Yield each name of a survey that a text asks for, with the marks that go with it."""
    template = part.prepare()
    if template is None:
        return
    tree = template.environment.parse(part.text.source)
    yield from _walk(tree, _set_once(tree))


def _set_once(tree: nodes.Template) -> dict[str, _Values]:
    """Return what `{% set %}` gives to names that are set at one place."""
    values: dict[str, _Values] = {}
    for node in tree.find_all(nodes.Assign):
        if isinstance(node.target, nodes.Name):
            name = node.target.name
            values[name] = () if name in values else _values(node.node, {})
    return values


def _walk(node: nodes.Node, scope: _Scope) -> Iterator[tuple[_Value, _Values]]:
    if isinstance(node, nodes.Filter) and node.name == SURVEY and node.node is not None:
        marks = _values(node.args[0], scope) if node.args else ()
        yield from ((name, marks) for name in _values(node.node, scope))
    inner = dict(scope)
    if isinstance(node, nodes.With):
        for target, value in zip(node.targets, node.values, strict=True):
            inner |= _bound(target, _values(value, scope))
    elif isinstance(node, nodes.For):
        inner |= _bound(node.target, _items(node.iter, scope))
    for child in node.iter_child_nodes():
        yield from _walk(child, inner)


def _bound(target: nodes.Node, values: _Values) -> dict[str, _Values]:
    """Return what the names of a target are; of several at once nothing is known."""
    if isinstance(target, nodes.Name):
        return {target.name: values}
    return {name.name: () for name in target.find_all(nodes.Name)}


def _values(node: nodes.Node, scope: _Scope) -> _Values:
    """Return all that an expression may be, or nothing where that is not known."""
    if isinstance(node, nodes.Name):
        return scope.get(node.name, ())
    if isinstance(node, nodes.CondExpr):
        first, second = _values(node.expr1, scope), _values(node.expr2, scope) if node.expr2 is not None else ()
        return (*first, *second)[:_MOST]
    if isinstance(node, nodes.Const | nodes.Neg):
        try:
            return (_Value(node.as_const(), node.lineno),)
        except nodes.Impossible:
            return ()
    return ()


def _items(node: nodes.Node, scope: _Scope) -> _Values:
    """Return what a loop goes through: a list, or a range of numbers."""
    if isinstance(node, nodes.Filter) and node.name.startswith("_") and node.node is not None:
        return _items(node.node, scope)  # the counting around a loop's items
    if isinstance(node, nodes.List | nodes.Tuple):
        return tuple(value for item in node.items[:_MOST] for value in _values(item, scope))[:_MOST]
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "range":
        bounds = [_values(argument, scope) for argument in node.args]
        if not 1 <= len(bounds) <= 3 or any(len(one) != 1 or not isinstance(one[0].value, int) for one in bounds):
            return ()
        try:
            numbers = range(*(one[0].value for one in bounds))
        except ValueError:
            return ()
        return tuple(_Value(number, node.lineno) for number in numbers[:_MOST])
    return ()
