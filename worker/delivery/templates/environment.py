"""Jinja as mails use it: sandboxed, strict about missing values, with the filters of one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import BuiltinFunctionType, MethodType
from typing import Any, ClassVar

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from rapidfuzz import process

from worker.delivery.templates.filters import filters_for
from worker.delivery.templates.limits import TEXT, Guard, LineMarks, capped, limited_range, operate
from worker.delivery.templates.pieces import Data, Piece, Tag, words

# The methods that a template may call; everything else that can be called is refused.
_METHODS: Mapping[type, frozenset[str]] = {
    str: words("upper lower title capitalize strip lstrip rstrip startswith endswith split"),
    dict: words("items keys values get"),
    datetime: words("weekday isoweekday isoformat date"),
    date: words("weekday isoweekday isoformat"),
    LoopContext: words("cycle changed"),
}


class Missing(StrictUndefined):
    """A value that is not there: it may be asked for (`is defined`) and replaced (`default`), never shown."""

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        message = f"'{self._undefined_name}' is not known here"
        known = self._undefined_obj
        if isinstance(known, dict):
            close = process.extractOne(str(self._undefined_name), [str(key) for key in known], score_cutoff=70)
            if close:
                message += f"; did you mean '{close[0]}'?"
        return message


class MailEnvironment(ImmutableSandboxedEnvironment):
    """The environment of one language, for HTML (escaping) or for text.

    Parameters:
        language: `vi`, `en` …: how money and dates are written.
        currency: ISO 4217 code of the shop.
        html: whether what is shown is escaped for HTML.
    """

    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"+", "*", "**", "%"})  # type: ignore[misc] # theirs is of the instance

    def __init__(self, language: str, currency: str, *, html: bool) -> None:
        super().__init__(
            autoescape=html, undefined=Missing, finalize=_shown, extensions=[LineMarks], keep_trailing_newline=True
        )
        self.globals = {"range": limited_range}
        self.filters = filters_for(language, currency)

    def compiled(self, tree: nodes.Template) -> Template:
        """Compile a parsed template, with the counting put in."""
        guarded = Guard().visit(tree)
        template = Template.from_code(self, self.compile(guarded), {})
        template.globals = {}  # none but a rendering's own values; looking through them would cost each mail
        return template

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `obj.attribute`: a mapping's item before any method of its type; what is missing stays missing."""
        if type(obj) is dict:
            try:
                return obj[attribute]
            except KeyError:
                if attribute not in _METHODS[dict]:
                    return self.undefined(obj=obj, name=attribute)
        elif isinstance(obj, Undefined):
            return self.undefined(name=f"{obj._undefined_name}.{attribute}")
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `obj[argument]`, missing where there is none."""
        if isinstance(obj, Undefined):
            return self.undefined(name=f"{obj._undefined_name}[{argument!r}]")
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow plain values, and the few methods of `_METHODS`."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        return not callable(value) or any(isinstance(obj, kind) and attr in names for kind, names in _METHODS.items())

    def is_safe_callable(self, obj: Any) -> bool:
        """Allow `range` and the methods that `is_safe_attribute` let through."""
        return obj is limited_range or isinstance(obj, BuiltinFunctionType | MethodType)

    def wrap_str_format(self, value: Any) -> None:
        """Have `format` be a method like others, which are refused: Jinja's stand-in for it could be kept and shown."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        """Compute within the limits."""
        return operate(operator, left, right, self.binop_table[operator])


def marked(pieces: Sequence[Piece]) -> str:
    """Write pieces as a source whose tags begin with the number of their line."""
    return "".join(piece.text if isinstance(piece, Data) else _marked_tag(piece) for piece in pieces)


def _marked_tag(tag: Tag) -> str:
    return f"{{{{ {tag.line} {tag.code} }}}}" if tag.shown else f"{{% {tag.line} {tag.code} %}}"


def _shown(value: Any) -> Any:
    """Show nothing for none, and no endless text."""
    if value.__class__ is str:
        return value if len(value) <= TEXT else capped(value)
    return "" if value is None else value
