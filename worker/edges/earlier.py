"""The flows' files as they were: in a commit of git, or in another folder."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from worker.domain.errors import FileError, PhinError
from worker.domain.flows import Flow
from worker.language.flow.flows import read_flow
from worker.language.library import ENDINGS
from worker.language.yaml.files import load_text

_WITHIN = 60  # seconds for git, which may have to ask a server for what a partial clone left out


@dataclass(frozen=True, slots=True)
class Earlier:
    """The flows of then.

    Parameters:
        named: what they were read from, in words.
        flows: by name, those that can be read; `broken`: names of the others.
    """

    named: str
    flows: Mapping[str, Flow]
    broken: frozenset[str]


def read_earlier(flows: Path, against: str) -> Earlier:
    """Read the flows that were in a folder, or in a commit; of a branch that went on, where this one left it.

    Parameters:
        flows: the folder of flows as it is now.
        against: a folder with flows, or that of a shop; else a commit, branch or tag of the git repository.

    Raises:
        PhinError: there is neither such a folder nor such a commit.
    """
    folder = Path(against)
    if folder.is_dir():
        inner = folder / flows.name
        texts = _of_folder(inner if inner.is_dir() else folder)
        return _read(str(inner if inner.is_dir() else folder), texts)
    named, texts = _of_commit(flows, against)
    return _read(named, texts)


def _read(named: str, texts: Mapping[str, str | None]) -> Earlier:
    found: dict[str, Flow] = {}
    broken: set[str] = set()
    for file, text in texts.items():
        name = Path(file).stem
        try:
            if text is None:
                raise FileError(())
            found[name] = read_flow(text, file, None)[0]
        except FileError:
            broken.add(name)
    return Earlier(named, found, frozenset(broken))


def _is_flow(name: str) -> bool:
    return Path(name).suffix.lower() in ENDINGS and not name.startswith((".", "#", "~"))


def _of_folder(folder: Path) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and _is_flow(path.name):
            try:
                found[path.name] = load_text(path, path.name)
            except FileError:
                found[path.name] = None
    return found


def _of_commit(flows: Path, ref: str) -> tuple[str, dict[str, str | None]]:
    if ref.startswith("-"):
        raise PhinError(f"'{ref}' is neither a folder nor a commit of git")
    here = flows if flows.is_dir() else flows.parent
    try:
        top = Path(_git(here, "rev-parse", "--show-toplevel").decode().strip())
    except PhinError as error:
        raise PhinError(
            f"'{ref}' is no folder, and {here} is in no git repository in which it could be a commit: {error}"
        ) from error
    try:
        commit = _git(here, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").decode().strip()
    except PhinError as error:
        raise PhinError(
            f"'{ref}' is neither a folder nor a commit that git knows here; a checkout without history needs "
            f"'git fetch origin' first (in GitHub Actions: fetch-depth: 0)"
        ) from error
    with suppress(PhinError):  # they may share nothing
        commit = _git(here, "merge-base", commit, "HEAD").decode().strip()
    inside = flows.resolve().relative_to(top.resolve()).as_posix()
    listed = _git(top, "ls-tree", "-z", "--name-only", f"{commit}:{inside}") if _has(top, commit, inside) else b""
    names = [name for name in listed.decode(errors="replace").split("\0") if name and _is_flow(name)]
    texts: dict[str, str | None] = {}
    for name in names:
        raw = _git(top, "show", f"{commit}:{inside}/{name}")
        try:
            texts[name] = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            texts[name] = None
    return ref, texts


def _has(top: Path, commit: str, inside: str) -> bool:
    try:
        return _git(top, "cat-file", "-t", f"{commit}:{inside}").strip() == b"tree"
    except PhinError:
        return False


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, timeout=_WITHIN, check=False)
    except FileNotFoundError as error:
        raise PhinError("there is no git on this machine; compare with a folder instead") from error
    except subprocess.TimeoutExpired as error:
        raise PhinError(f"git gave no answer within {_WITHIN} s") from error
    if done.returncode:
        raise PhinError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
    return done.stdout
