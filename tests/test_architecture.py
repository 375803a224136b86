"""The floors of the house hold: who may import whom, and how long a file may grow."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "worker"
FILES = sorted(HOUSE.rglob("*.py"))
LONGEST = 320  # lines; a file should be read in one sitting

BENEATH: dict[str, set[str]] = {
    "domain": set(),
    "language": {"domain"},
    "storage": {"domain", "language"},
    "engine": {"domain", "language", "storage"},
    "delivery": {"domain", "language", "storage"},
    "rehearsal": {"domain", "language", "storage", "engine", "delivery"},
    "edges": {"domain", "language", "storage", "engine", "delivery", "rehearsal"},
}

# Third-party packages of each floor's own; a floor may also use those of the floors beneath it.
PACKAGES: dict[str, set[str]] = {
    "domain": {"pydantic", "pydantic_core", "cronsim", "dateutil", "email_validator", "holidays", "lunar_vn", "tzdata"},
    "language": {"ruamel", "jinja2", "markupsafe", "rapidfuzz", "babel", "structlog"},
    "storage": {"sqlalchemy", "alembic", "psycopg", "pysqlite3"},
    "engine": set(),
    "delivery": {
        "premailer",
        "cssutils",
        "dkim",
        "flufl",
        "cryptography",
        "lxml",
        "mjml",
        "crawleruseragents",
        "ua_parser",
        "httpcore",
        "httpx",
        "psutil",
    },
    "rehearsal": set(),
}
PREDICTION = {"numpy", "scipy"}  # in domain/prediction only


@dataclass(frozen=True)
class Import:
    """One import statement's module and where it stands."""

    module: str
    line: int
    nested: bool


def floor_of(path: Path) -> str | None:
    parts = path.relative_to(HOUSE).parts
    return parts[0] if len(parts) > 1 else None


def imports_of(path: Path) -> list[Import]:
    found: list[Import] = []

    def visit(node: ast.AST, nested: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend(Import(name.name, child.lineno, nested) for name in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}:{child.lineno}: a relative import"
                module = child.module or ""
                inner = {f"{module}.{name.name}" for name in child.names if _is_module(f"{module}.{name.name}")}
                found.extend(Import(name, child.lineno, nested) for name in sorted(inner) or [module])
            visit(child, nested or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    visit(ast.parse(path.read_text(), str(path)), False)
    return found


def _is_module(name: str) -> bool:
    path = HOUSE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def allowed_packages(floor: str) -> set[str]:
    return PACKAGES[floor].union(*(PACKAGES[beneath] for beneath in BENEATH[floor]))


def named(path: Path) -> str:
    return str(path.relative_to(HOUSE.parent))


@pytest.fixture(params=FILES, ids=named)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_floor_imports_only_floors_beneath_it(file: Path) -> None:
    """Given a file of the house, then what it imports of the house lies on its own floor or beneath."""
    floor = floor_of(file)
    for imported in imports_of(file):
        top, _, rest = imported.module.partition(".")
        if top == "worker" and rest and floor is not None:
            assert rest.split(".")[0] in BENEATH[floor] | {floor}, (
                f"{named(file)}:{imported.line}: {floor} imports {imported.module}"
            )


def test_a_floor_uses_only_its_packages(file: Path) -> None:
    """Given a file beneath the edges, then each third-party package that it imports is on its floor's list."""
    floor = floor_of(file)
    if floor is None or floor == "edges":
        return
    allowed = allowed_packages(floor)
    if floor == "domain" and "prediction" in file.name + file.parent.name:
        allowed = allowed | PREDICTION
    for imported in imports_of(file):
        top = imported.module.split(".")[0]
        if top != "worker" and top not in sys.stdlib_module_names:
            assert top in allowed, f"{named(file)}:{imported.line}: {floor} may not use {top}"


def test_imports_stand_at_the_top(file: Path) -> None:
    """Given a file, then no import hides in a function or under TYPE_CHECKING, where it would patch a circle."""
    late = [f"{named(file)}:{imported.line}: {imported.module}" for imported in imports_of(file) if imported.nested]
    assert not late, late
    assert "TYPE_CHECKING" not in {
        node.id for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Name)
    }


def test_each_module_says_its_job(file: Path) -> None:
    """Given a file, then it begins with a docstring and is short enough to be read in one sitting."""
    text = file.read_text()
    assert ast.get_docstring(ast.parse(text)), f"{named(file)} has no docstring"
    if "versions" not in file.parts:  # a migration is history: it is written once and never edited
        assert len(text.splitlines()) <= LONGEST, f"{named(file)} has more than {LONGEST} lines"
    assert "utils" not in file.stem


@pytest.mark.parametrize("path", [p for p in FILES if floor_of(p) == "domain"], ids=named)
def test_the_domain_reads_no_clock_and_no_file(path: Path) -> None:
    """Given a file of the domain, then it asks neither for the time nor for the contents of a file."""
    forbidden = {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
        ("time", "time"),
        ("time", "monotonic"),
    }
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name):
            assert called.id != "open", f"{named(path)}:{node.lineno} opens a file"
        if isinstance(called, ast.Attribute):
            assert called.attr not in {"read_text", "read_bytes", "write_text", "write_bytes"}, (
                f"{named(path)}:{node.lineno} reads or writes a file"
            )
            owner = called.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            assert (name, called.attr) not in forbidden, f"{named(path)}:{node.lineno} reads the clock"


def test_no_circle_between_modules() -> None:
    """Given all modules of the house, then their imports form no circle."""
    modules = {
        ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES
    }
    graph = {
        name: {
            target for imported in imports_of(path) if (target := _known(imported.module, modules)) and target != name
        }
        for name, path in modules.items()
    }
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, "a circle: " + " → ".join((*above[above.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                walk(target, (*above, name))
            done.add(name)

    for name in sorted(graph):
        walk(name, ())


def _known(module: str, modules: dict[str, Path]) -> str | None:
    return module if module in modules else None
