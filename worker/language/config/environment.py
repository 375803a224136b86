"""The variables of the environment that override settings: `shop.name` is `PHIN_SHOP_NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from worker.domain.errors import Place, Problem, Severity
from worker.domain.settings import Settings
from worker.language.yaml.nodes import Node
from worker.language.yaml.plain import plain_value
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.suggestions import did_you_mean

PREFIX = "PHIN_"
# Secrets, each of which may stand in a file that `NAME_FILE` names (`worker.edges.secrets`), and what processes tell
# each other: variables that begin like settings and are none.
_SECRETS = (
    "SECRET_KEY",
    "INGEST_KEY",
    "WEBHOOK_SECRET",
    "DKIM_RSA_KEY",
    "DKIM_ED25519_KEY",
    "SENDGRID_KEY",
    "MAILGUN_KEY",
    "POSTMARK_LOGIN",
    "METRICS_KEY",
)
_PROCESSES = ("HOME", "NAME", "PARENT", "LISTEN_FD", "REPORT_FD", "UP_URL", "TRACEBACK", "NO_SKIPS")
NOT_SETTINGS = frozenset(PREFIX + name for name in (*_SECRETS, *(f"{secret}_FILE" for secret in _SECRETS), *_PROCESSES))
_FILE = "environment"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable and the setting that it overrides.

    Parameters:
        path: the setting's keys, `("shop", "name")`.
        form: how its text is read: as it is, `list` (separated by commas), `group` (`tier: text, points: number`).
    """

    name: str
    path: tuple[str, ...]
    form: str = "text"


def variables(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[Variable]:
    """Yield the variable of every setting, in the order of the settings."""
    for key, field in model.model_fields.items():
        inner = (*path, key)
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from variables(annotation, inner)
        else:
            yield Variable(PREFIX + "_".join(inner).upper(), inner, _form(annotation))


def overriding(environment: Mapping[str, str]) -> tuple[dict[Variable, Any], tuple[Problem, ...]]:
    """Return the value of each variable that overrides a setting, and the problems of reading them.

    A variable that is set to nothing counts as not set. One that begins with `PHIN_` and means nothing is a warning.
    """
    values: dict[Variable, Any] = {}
    problems: list[Problem] = []
    known = {variable.name: variable for variable in variables()}
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        if name not in known:
            hint = did_you_mean(name, [*known, *NOT_SETTINGS])
            problems.append(_problem(f"the variable {name} is no setting", Severity.WARNING, hint))
        elif text.strip():
            variable = known[name]
            try:
                values[variable] = _read(variable, text)
            except ValueError as error:
                problems.append(_problem(f"{name} cannot be read: {error}"))
    return values, tuple(problems)


def wrong(variable: Variable, message: str) -> Problem:
    """Return the problem of a variable's value; the message names both."""
    return _problem(f"{variable.name} {message}")


def _read(variable: Variable, text: str) -> Any:
    if variable.form == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    if variable.form == "text":
        return text
    written = text if text.lstrip().startswith("{") else f"{{{text}}}"
    report, root = read_nodes(written, _FILE)
    if report.failed:
        raise ValueError("write it like 'tier: text, points: number'")
    return plain_value(root) if isinstance(root, Node) else {}


def _form(annotation: Any) -> str:
    for option in (annotation, *get_args(annotation)):
        if get_origin(option) is tuple:
            return "list"
        if get_origin(option) is dict:
            return "group"
    return "text"


def _problem(message: str, severity: Severity = Severity.ERROR, hint: str | None = None) -> Problem:
    return Problem(Place(_FILE, 0, 0), message, severity, hint)
