"""An export of a person as a file: JSON, or a zip of one CSV for each section, for whoever has only a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from worker.domain.errors import PhinError

# what spreadsheets take for the beginning of a formula (OWASP), in full width too
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_json(export: Mapping[str, Any]) -> bytes:
    """Return an export as JSON, in UTF-8 and readable as it stands."""
    return (json.dumps(export, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace")


def as_zip(export: Mapping[str, Any]) -> bytes:
    """Return an export as a zip: the whole as JSON, and each section that has rows as CSV with a BOM.

    A text that a spreadsheet would reckon as a formula gets an apostrophe before it.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("person.json", as_json(export))
        for name, section in export.items():
            if isinstance(section, list) and section:
                archive.writestr(f"{name}.csv", _as_csv(section))
    return made.getvalue()


def must_be_new(path: Path) -> None:
    """Raise PhinError where there is such a file already."""
    if path.exists():
        raise PhinError(f"{path} is there already; name another file with --out, or remove it first")


def write(path: Path, content: bytes) -> None:
    """Write a new file that this user alone can read.

    Raises:
        PhinError: it is there already, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise PhinError(f"{path} cannot be written: {error.strerror}") from error


def _as_csv(section: list[dict[str, Any]]) -> bytes:
    columns = list(dict.fromkeys(name for row in section for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in section:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    """Return a cell: numbers as they are, anything else as a text that no spreadsheet reckons."""
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.lstrip(" \u00a0\ufeff").startswith(_FORMULA) else text
