"""The files of the JSON Schemas, `config/schema/*.json`: written for editors, and held fresh."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from worker.domain.errors import Place, Problem, Severity
from worker.edges.cli.shop_files import ShopFiles
from worker.language.schema.files import KINDS, schema_of, written
from worker.language.schema.names import SchemaNames

FOLDER = Path("config", "schema")
"""Where the first line of each shipped YAML file points to, seen from the shop's folder."""


def write_schemas(folder: Path, names: SchemaNames, kinds: Iterable[str] = KINDS) -> dict[Path, bool]:
    """Write the schemas of a shop; returns for each file whether it was changed.

    Parameters:
        folder: that of the shop.

    Raises:
        OSError: a file cannot be written.
    """
    found: dict[Path, bool] = {}
    if not (folder / FOLDER).is_dir():
        (folder / FOLDER).mkdir(parents=True)
        (folder / FOLDER).chmod(0o755)
    for kind in kinds:
        path, text = folder / FOLDER / f"{kind}.json", written(schema_of(kind, names))
        found[path] = _text_of(path) != text
        if found[path]:
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)  # nothing in it is secret, and colleagues' editors read it too
    return found


def stale(folder: Path, names: SchemaNames) -> list[Problem]:
    """Return a warning where a shop's schemas tell an editor of names that are not, or not of some that are."""
    old = [
        path
        for path in (folder / FOLDER / f"{kind}.json" for kind in KINDS)
        if path.is_file() and _text_of(path) != written(schema_of(path.stem, names))
    ]
    message = "editors complete and check by this file, and it is out of date"
    return [Problem(Place(str(path), 0, 0), message, Severity.WARNING, "run 'phin schema --write'") for path in old]


def refresh(shop: ShopFiles) -> list[Path]:
    """Write those schemas anew that are there and out of date; returns which. Without usable settings none is.

    Raises:
        OSError: a file cannot be written.
    """
    if shop.vocabulary is None:
        return []
    kinds = [Path(problem.place.file).stem for problem in stale(shop.folder, shop.names)]
    return list(write_schemas(shop.folder, shop.names, kinds)) if kinds else []


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
