"""`config/phin.yaml` and the environment to `Settings`; each fault names its place, or its variable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from worker.domain.errors import FileError, Place, Problem, SettingError, Severity
from worker.domain.settings import Settings
from worker.language.config.environment import Variable, overriding, wrong
from worker.language.yaml.files import load_text
from worker.language.yaml.nodes import Mapping as Group
from worker.language.yaml.nodes import Node, Scalar
from worker.language.yaml.nodes import Sequence as List
from worker.language.yaml.plain import find, plain_value
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.scalars import free_text
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean

_LONGEST_SHOWN = 60  # characters of a wrong value


def read_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings; without a file, the defaults; the environment overrides both.

    Raises:
        FileError: the file has errors; all of them, and those of the environment.
        SettingError: variables of the environment have values that cannot be used.
    """
    settings, problems = inspect_settings(path, environment)
    errors = tuple(problem for problem in problems if problem.severity is Severity.ERROR)
    if settings is not None and not errors:
        return settings
    if any(problem.place.line for problem in errors):
        raise FileError(errors)
    raise SettingError("\n".join(problem.message for problem in errors))


def inspect_settings(
    path: Path | None,
    environment: Mapping[str, str],
    parsers: Mapping[str, Callable[[str], object]] | None = None,
) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Read the settings and return as much of them as can be used, with all problems, warnings too.

    Parameters:
        parsers: what will read a setting's text later, by its key, `group.key`; raises SettingError where it cannot.

    The settings are None where the file cannot be read at all; where they have errors, defaults stand for the
    faulty ones, so that flows and templates can be checked against the others.
    """
    overrides, problems = overriding(environment)
    report: Report | None = None
    root: Node | None = None
    if path is not None and path.exists():
        try:
            report, root = read_nodes(load_text(path, str(path)), str(path))
        except FileError as error:
            return None, (*error.problems, *problems)
        if root is None and not _nothing_but_comments(report):
            return None, (*report.problems, *problems)
        if root is not None and not isinstance(root, Group):
            report.error(root, "the settings are keys and values, such as 'port: 8787'")
            return None, (*report.problems, *problems)
    if report is not None and root is not None:
        _refuse_lost_words(report, root)
    values = plain_value(root)
    for variable, value in overrides.items():
        _put(values, variable.path, value)
    settings, faults = _validated(values)
    by_path = {variable.path: variable for variable in overrides}
    in_file = report.problems if report is not None and root is not None else ()
    found = [*in_file, *(_problem(fault, by_path, report, root) for fault in faults), *problems]
    for key, parse in (parsers or {}).items():
        text = attrgetter(key)(settings)
        try:
            _ = text and parse(text)
        except SettingError as error:
            found.append(_parse_problem(str(error), key, by_path, report, root))
    return settings, tuple(sorted(found, key=lambda one: (not one.place.line, one.place.line, one.place.column)))


def _refuse_lost_words(report: Report, node: Node) -> None:
    """Refuse a ` #` after unquoted words, such as an address; after one word or number it is a comment."""
    if isinstance(node, Scalar):
        if " " in node.text:
            free_text(report, node)
        return
    parts = node.items if isinstance(node, List) else tuple(entry.value for entry in node.entries)
    for part in parts:
        _refuse_lost_words(report, part)


def _nothing_but_comments(report: Report) -> bool:
    lines = report.source.text.split("\n")
    return all(not line.strip() or line.lstrip().startswith("#") for line in lines)


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put a variable's value where the file has it, or would have it."""
    group = values
    for key in path[:-1]:
        if not isinstance(group.get(key), dict):
            group[key] = {}
        group = group[key]
    group[path[-1]] = value


def _validated(values: dict[str, Any]) -> tuple[Settings, list[Any]]:
    """Return the settings without the values that cannot be used, and pydantic's errors about those."""
    try:
        return Settings.model_validate(values), []
    except ValidationError as error:
        faults = error.errors(include_url=False)
    for fault in faults:
        _take_away(values, fault["loc"])
    try:
        return Settings.model_validate(values), faults
    except ValidationError as error:  # of values that are at odds with each other
        for fault in error.errors(include_url=False):
            _take_away(values, fault["loc"][:1])
    return Settings.model_validate(values), faults


def _take_away(values: Any, path: Sequence[int | str]) -> None:
    """Take the value at a path away, or the deepest list on the way to it."""
    for at, key in enumerate(path):
        if not isinstance(values, dict) or key not in values:
            return
        if at == len(path) - 1 or not isinstance(values[key], dict):
            del values[key]
            return
        values = values[key]


def _problem(
    detail: Any, by_path: Mapping[tuple[str, ...], Variable], report: Report | None, root: Node | None
) -> Problem:
    """Return one of pydantic's errors with the place of its value, or with its variable's name."""
    path = tuple(part for part in detail["loc"] if part != "[key]")
    for length in range(len(path), 0, -1):
        variable = by_path.get(path[:length])
        if variable is not None:
            return wrong(variable, _fault(detail, path))
    entry = find(root, path)
    if report is None or entry is None:
        told = f"'{'.'.join(map(str, path))}' {_fault(detail, path)}"
        return Problem(Place(str(report.source.file) if report else "settings", 0, 0), told)
    if detail["type"] == "extra_forbidden":
        key, known = str(path[-1]), list(_group(path[:-1]).model_fields)
        where = f" in '{'.'.join(map(str, path[:-1]))}'" if len(path) > 1 else ""
        hint = did_you_mean(key, known) or f"known here: {', '.join(known)}"
        return report.source.problem(entry.key, f"unknown key '{key[:_LONGEST_SHOWN]}'{where}", hint)
    if detail["type"] == "taken_name":
        return report.source.problem(entry.key, detail["msg"])
    at = entry.value if isinstance(entry.value, Scalar) else entry.key
    name = path[-1] if isinstance(path[-1], str) else entry.key.text  # a default, too, can be at odds with the others
    problem = report.source.problem(at, f"'{name}' {_fault(detail, path)}", _hint(detail))
    if not _secret(path):
        return problem
    return Problem(problem.place, problem.message, problem.severity, problem.hint)  # without the line


def _parse_problem(
    message: str, key: str, by_path: Mapping[tuple[str, ...], Variable], report: Report | None, root: Node | None
) -> Problem:
    """Return what a parser says of a setting, which its message names, with its place."""
    path = tuple(key.split("."))
    entry = find(root, path)
    if path in by_path or report is None or entry is None:
        return Problem(Place("environment", 0, 0), message)
    return Problem(report.source.place(entry.key), message)  # without the line, which may hold a password


def _fault(detail: Any, path: tuple[int | str, ...]) -> str:
    """Return what is wrong with a value, going on from its name."""
    value, context = detail["input"], detail.get("ctx", {})
    if detail["type"] == "taken_name":
        return f"cannot be used: {detail['msg']}"
    if isinstance(value, str):
        why = _why(detail, context, path)
        return f"cannot be used: {why}" if _secret(path) else f"has the value '{value[:_LONGEST_SHOWN]}': {why}"
    if detail["type"] == "value_error":  # of a list whose items are as they should be
        return f"cannot be used: {context['error']}"
    kind = "a list" if isinstance(value, (list, tuple)) else "a group of keys"
    wanted = {"dict_type": "a group of keys", "model_type": "a group of keys", "tuple_type": "a list such as [vi, en]"}
    return f"is {wanted.get(detail['type'], 'one value')}, not {kind}"


def _why(detail: Any, context: Mapping[str, Any], path: tuple[int | str, ...]) -> str:
    kind, message, shown = str(detail["type"]), str(detail["msg"]), f"'{detail['input']}' "
    if kind in ("int_parsing", "int_from_float", "int_type", "int_parsing_size"):
        return "not a whole number"
    if kind in ("float_parsing", "decimal_parsing"):
        return "not a number"
    if kind == "bool_parsing":
        return "not true or false"
    if kind == "literal_error":
        return f"not {context['expected'].replace(chr(34), chr(39))}"
    if kind == "greater_than_equal":
        return f"it must be at least {context['ge']}"
    if kind == "less_than_equal":
        return f"it must be at most {context['le']}"
    if kind == "string_pattern_mismatch":
        return f"not as it should be ({_description(path)})"
    if kind == "value_error":
        said = str(context["error"])
        return f"it {said.removeprefix(shown)}" if said.startswith(shown) else said
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return "a group of keys is needed here"
    if kind == "tuple_type":
        return "a list is needed here, such as [vi, en]"
    return message[:1].lower() + message[1:]


def _hint(detail: Any) -> str | None:
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return None
    known = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    return did_you_mean(detail["input"], known)


def _group(path: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model of a group of settings, the deepest known one on the way."""
    model: type[BaseModel] = Settings
    for key in path:
        inner = model.model_fields[str(key)].annotation if str(key) in model.model_fields else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return model


def _description(path: tuple[int | str, ...]) -> str:
    field = _group(path[:-1]).model_fields.get(str(path[-1]))
    return (field.description or "") if field else ""


def _secret(path: tuple[int | str, ...]) -> bool:
    """Say whether a value may hold a password, and is shown nowhere."""
    return bool(path) and str(path[-1]).endswith("_url") and path[-1] != "base_url"
