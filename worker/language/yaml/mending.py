"""What an author most likely meant by a line that YAML reads otherwise: the fault in words, and the line mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

IN_BRACKETS = "inside { } and [ ], text that holds a comma, bracket or brace must be quoted"
EXPRESSION_KEYS = frozenset({"when", "if", "until", "close_when"})

_LINE = re.compile(
    r"""(?P<lead>\s*(?:-\s+)*)
        (?:(?P<key>"[^"]*"|'[^']*'|[^\W\d][\w.-]*(?:[ ][\w.-]+)*)\s*:(?:\s+|$))?
        (?P<value>.*)""",
    re.VERBOSE,
)
_KEY = re.compile(r"""(?:"[^"]*"|'[^']*'|[\w.-]+)\s*:\s+""")  # of a mapping in braces
_LONGEST = 2_000  # characters of a line that is mended
_OPENERS = {"{": "}", "[": "]", "(": ")"}


@dataclass(frozen=True, slots=True)
class Mend:
    """One mended line.

    Parameters:
        message: what was wrong.
        column: where, from 0, and for how many characters.
        line: the whole line as it should be.
        advice: what to do, where the line alone does not show it.
    """

    message: str
    column: int
    length: int
    line: str
    advice: str | None = None

    @property
    def hint(self) -> str:
        """What to write instead."""
        return self.advice or f"write: {self.line.strip()}"


MakeMend = Callable[..., Mend]


def quoted(text: str) -> str:
    """Return the text in YAML's quotes."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def mend_line(line: str) -> Mend | None:
    """Return what is wrong with a line `key: value`, `- value` or `- key: value`, or None where nothing is found."""
    parts = _LINE.fullmatch(line.rstrip()) if len(line) <= _LONGEST else None
    if parts is None or not parts["value"]:
        return None
    before, value, key = line[: parts.start("value")], parts["value"], (parts["key"] or "").strip("\"'")

    def mend(message: str, written: str, at: int = 0, length: int | None = None) -> Mend:
        return Mend(message, len(before) + at, len(value) if length is None else length, before + written)

    if value.startswith(("{{", "{%")):
        return mend(f"text that begins with '{value[:2]}' must be quoted", quoted(value))
    if value[0] in "\"'":
        return _mend_quoted(value, key, mend)
    if value[0] in "{[":
        return _mend_collection(value, mend)
    if value[0] in "%@`*&!,]}|>":
        return mend(f"text that begins with '{value[0]}' must be quoted", quoted(value))
    if value.startswith("- ") and parts["key"]:
        return mend("a list begins in a line of its own; text that begins with '- ' must be quoted", quoted(value))
    colon = re.search(r":(?=\s|$)", value)
    if colon and parts["key"]:
        return mend("text that holds ': ' must be quoted", quoted(value))
    tight = re.match(r"([a-z_]+):(?=[^\s/])", value)
    if tight and not parts["key"]:
        return mend(f"a space is missing after '{tight[0]}'", f"{tight[0]} {value[tight.end() :]}", 0, tight.end())
    return None


def mend_missing_colon(line: str) -> Mend | None:
    """Return the line with the colon put after its first word, or None where it has one or has no second word."""
    found = re.fullmatch(r"(?P<lead>\s*(?:-\s+)*)(?P<key>[a-z_]+)\s+(?P<value>[^\s:#].*)", line.rstrip())
    if found is None:
        return None
    lead, key, value = found["lead"], found["key"], found["value"]
    if re.search(r":(\s|$)", value):
        value = quoted(value)
    message = f"the colon after '{key}' is missing"
    return Mend(message, len(lead), len(key), f"{lead}{key}: {value}")


def align(line: str, columns: int, number: int) -> Mend | None:
    """Return the line with so many spaces before it, or None where it has them already.

    Parameters:
        number: of the line above, from 1, whose words begin there.
    """
    indent = len(line) - len(line.lstrip())
    if not line.strip() or columns == indent:
        return None
    message = "this line's indentation fits none of the lines above"
    spaces = f"{columns} space{'' if columns == 1 else 's'}" if columns else "no spaces"
    advice = f"begin it with {spaces}, as what stands in line {number}"
    return Mend(message, indent, max(len(line.strip().split(":")[0]), 1), " " * columns + line.lstrip(), advice)


def close_quote(line: str) -> Mend | None:
    """Return the line with the quote that its value opens closed at its end, or None where none is open."""
    parts = _LINE.fullmatch(line.rstrip())
    if parts is None or not parts["value"] or parts["value"][0] not in "\"'":
        return None
    value = parts["value"]
    if _past_quote(value) is not None:
        return None
    return Mend("the quote that opens here is not closed", parts.start("value"), 1, line.rstrip() + value[0])


def close_bracket(line: str, column: int) -> Mend | None:
    """Return the line with the brackets and braces that are open from the column on closed at its end."""
    opened: list[str] = []
    for at, letter in _outside_quotes(line, column):
        if letter in "{[":
            opened.append(_OPENERS[letter])
        elif opened and letter == opened[-1]:
            opened.pop()
        elif letter in "}]" or (letter == "#" and line[at - 1 : at].isspace()):
            return None
    if not opened:
        return None
    mark = line[column : column + 1]
    return Mend(f"the '{mark}' that opens here is not closed", column, 1, line.rstrip() + "".join(reversed(opened)))


def _mend_quoted(value: str, key: str, mend: MakeMend) -> Mend | None:
    end = _past_quote(value)
    if end is None:
        return None
    rest = value[end:].strip()
    if not rest or (rest.startswith("#") and value[end].isspace()):
        if value[0] == '"' and re.search(r"\\[^0abtnvfre \"/\\N_LPxuU]", value[:end]):
            inner = value[1 : end - 1]
            return mend("'\\' has a meaning in double quotes; use single ones", quoted(inner) + value[end:], 0, end)
        return None
    if key in EXPRESSION_KEYS:
        return mend("an expression that begins with a quote must be put in parentheses", f"({value})")
    if value[0] == "'" and value.endswith("'"):
        return mend("a quote within single quotes must be doubled", quoted(value[1:-1]))
    return mend("text that begins with a quote must be quoted as a whole", quoted(value))


def _mend_collection(value: str, mend: MakeMend) -> Mend | None:
    end = _past_bracket(value)
    if end is None:
        return None
    rest = value[end:]
    if rest.strip() and not re.match(r"\s+#", rest):
        return mend(f"text that begins with '{value[0]}' must be quoted", quoted(value))
    written = _requoted(value[:end])
    if written == value[:end]:
        return None
    return mend(IN_BRACKETS, written + rest, 0, end)


def _requoted(collection: str) -> str:
    """Return `{k: v, …}` or `[v, …]` with those values quoted that must be."""
    parts = list(_split(collection[1:-1]))
    if collection[0] == "{":
        parts = _rejoined(parts)
    parts = [_requoted_part(part, collection[0] == "{") for part in parts]
    return collection[0] + ",".join(parts) + collection[-1]


def _rejoined(parts: list[str]) -> list[str]:
    """Return the parts of a mapping with what has no key put back to the text before it, from which a comma cut it."""
    found: list[str] = []
    for part in parts:
        before = _KEY.match(found[-1].strip()) if found else None
        text = before is not None and found[-1].strip()[before.end() :][:1] not in ("{", "[", "")
        if text and part.strip() and not _KEY.match(part.strip()):
            found[-1] += f",{part}"
        else:
            found.append(part)
    return found


def _requoted_part(part: str, in_mapping: bool) -> str:
    blank = part[: len(part) - len(part.lstrip())]
    text, tail = part.strip(), part[len(part.rstrip()) :] if part.strip() else ""
    key = _KEY.match(text) if in_mapping else None
    head, value = (key[0], text[key.end() :]) if key else ("", text)
    if value[:1] in ("{", "[") and not value.startswith("{{") and _past_bracket(value) == len(value):
        value = _requoted(value)
    elif value[:1] in ("'", '"'):
        if _past_quote(value) != len(value):
            value = quoted(value)
    elif re.search(r"[,\[\]{}]|:\s|\s#", value) or value[:1] in tuple("%@`*&!|>"):
        value = quoted(value)
    return blank + head + value + tail


def _split(inner: str) -> Iterator[str]:
    """Yield what stands between the commas, those within quotes, brackets and parentheses left alone."""
    depth, start = 0, 0
    for at, letter in _outside_quotes(inner, 0):
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            yield inner[start:at]
            start = at + 1
    yield inner[start:]


def _past_bracket(value: str) -> int | None:
    depth = 0
    for at, letter in _outside_quotes(value, 0):
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def _outside_quotes(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Yield the characters that stand in no quotes; an apostrophe within a word opens none."""
    quote = ""
    for at in range(start, len(text)):
        letter = text[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter == '"' or (letter == "'" and not text[at - 1 : at].isalnum()):
            quote = letter
        else:
            yield at, letter


def _past_quote(value: str) -> int | None:
    """Return the offset after the quote that closes what the first character opens, or None."""
    pattern = r'"(?:[^"\\]|\\.)*"' if value[0] == '"' else r"'(?:[^']|'')*'"
    found = re.match(pattern, value)
    return found.end() if found else None
