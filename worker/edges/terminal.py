"""What customers, mail servers and files say, made harmless for a terminal: it may not move, retitle, or hide anything.

A terminal obeys control characters (ECMA-48) wherever they come from, and text that is turned around (Unicode's
bidirectional controls) reads as another. Colours are let through: they are ours.
"""

from __future__ import annotations

import re

from rich import control

INSTEAD = "\ufffd"
_CODES = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = {code: INSTEAD for code in _CODES if chr(code) not in "\n\t"}
_BUT_COLOURS = re.compile(r"(\x1b\[[0-9;]*m)|[" + "".join(map(re.escape, map(chr, _CONTROLS))) + "]")


def harmless(text: str) -> str:
    """Return the text with a mark in place of each control character but line breaks and tabs; colours stay."""
    return _BUT_COLOURS.sub(lambda found: found[1] or INSTEAD, text)


def guard_tables() -> None:
    """Have Rich, by which commands print, take control characters out of every text that it is given.

    By itself it takes out a few of them, and leaves the one that begins a terminal's commands.
    """
    control._CONTROL_STRIP_TRANSLATE.update(dict.fromkeys(_CONTROLS))
