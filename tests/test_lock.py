"""The lists of packages: all that pyproject.toml leads to, each with its hashes, under licences that suit."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
RUNTIME, TESTS, FUZZ, TOOLS = "requirements.lock", "requirements-dev.lock", ".ci/fuzz.lock", ".ci/tools.lock"
LISTS = (RUNTIME, TESTS, FUZZ, TOOLS)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))

# versions before these have a published fault that reaches what Phin does: the lists never go back behind them
MENDED_IN = {
    "jinja2": "3.1.6",  # CVE-2025-27516, CVE-2024-56326: ways out of the sandbox
    "starlette": "0.49.1",  # CVE-2024-47874, CVE-2025-54121, CVE-2025-62727: requests that exhaust it
    "h11": "0.16.0",  # CVE-2025-43859: smuggled requests
    "cryptography": "44.0.1",  # CVE-2024-12797
    "urllib3": "2.6.0",  # CVE-2025-66418, CVE-2025-66471: bombs of compression
    "requests": "2.32.4",  # CVE-2024-47081: passwords of .netrc
    "lxml": "5.0.0",  # CVE-2022-2309
    "certifi": "2024.7.4",  # CVE-2024-39689
    "idna": "3.7",  # CVE-2024-3651
    "setuptools": "78.1.1",  # CVE-2025-47273: a path out of the folder
    "mako": "1.2.2",  # CVE-2022-40023
    "pygments": "2.15.1",  # CVE-2022-40896
    "pyyaml": "5.4",  # CVE-2020-14343
}
# the words of a licence that binds whoever passes the program on; LGPL and a choice of licences do not
COPYLEFT = re.compile(r"(?<!L)(?<!Lesser )(?<!Library or )(?:AGPL|GPL|GNU (?:Affero )?General Public)", re.IGNORECASE)


@cache
def listed(name: str) -> list[tuple[Requirement, list[str], set[str]]]:
    """Return each line's package, hashes, and what led to it."""
    text = (ROOT / name).read_text()
    found = []
    for block in re.split(r"\n(?=[a-z0-9])", text.strip()):
        line = block.split("\\\n")[0].strip()
        hashes = re.findall(r"--hash=(sha256:[0-9a-f]{64})(?= |\n|$)", block)
        led = {word.strip() for word in re.findall(r"#(?: +via)?(.*)", block)}
        found.append((Requirement(line), hashes, led - {""}))
    return found


@cache
def pyproject() -> dict[str, list[str]]:
    """Return what pyproject.toml asks for, by part."""
    read = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = read["project"]
    return {"run": project["dependencies"], **project["optional-dependencies"], **read["dependency-groups"]}


def holds(marker: Requirement, environment: dict[str, str]) -> bool:
    return marker.marker is None or marker.marker.evaluate(environment)


def environments() -> list[dict[str, str]]:
    return [
        {
            "python_version": python,
            "python_full_version": f"{python}.4",
            "sys_platform": system,
            "platform_machine": machine,
            "platform_system": system.capitalize(),
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": "",
        }
        for python in PYTHONS
        for system, machine in MACHINES
    ]


@pytest.mark.parametrize("name", LISTS)
def test_each_package_stands_there_by_version_and_hashes_alone(name: str) -> None:
    """Given a list, then every line pins one version with its hashes, and none names a machine to fetch it from."""
    text = (ROOT / name).read_text()
    assert not re.search(r"https?:|file:|^\s*-(?!-hash)|--(?!hash)", text, re.MULTILINE)
    for wanted, hashes, _ in listed(name):
        assert re.fullmatch(r"==[^,*]+", str(wanted.specifier)), wanted
        assert hashes, wanted
        assert wanted.url is None


@pytest.mark.parametrize(
    ("name", "parts"),
    [(RUNTIME, {"run", "build"}), (TESTS, {"run", "build", "dev"}), (FUZZ, {"fuzz"}), (TOOLS, {"tools"})],
)
def test_the_lists_are_those_of_pyproject(name: str, parts: set[str]) -> None:
    """Given pyproject.toml, then its list has what it asks for, for each Python and system, and nothing left over.

    Where this fails after a change of pyproject.toml: `make lock`.
    """
    asked = [Requirement(line) for part in sorted(parts) for line in pyproject()[part]]
    for environment in environments():
        pinned = {canonicalize_name(one.name): one for one, _, _ in listed(name) if holds(one, environment)}
        for wanted in (one for one in asked if holds(one, environment)):
            found = pinned.get(canonicalize_name(wanted.name))
            assert found is not None, f"{name} lacks {wanted}: run make lock"
            (version,) = [one.version for one in found.specifier]
            assert wanted.specifier.contains(version, prereleases=True), (
                f"{name} has {found}, asked is {wanted}: make lock"
            )
    direct = {
        canonicalize_name(one.name) for one, _, led in listed(name) if any("pyproject.toml" in word for word in led)
    }
    assert direct == {canonicalize_name(one.name) for one in asked}


def test_tests_run_with_what_shops_run_with() -> None:
    """Given the list for tests, then it has every line of the list that shops install, version by version."""
    shops, tests = ({str(one): set(hashes) for one, hashes, _ in listed(name)} for name in (RUNTIME, TESTS))
    assert shops.items() <= tests.items()


def test_what_installed_packages_need_is_in_the_list() -> None:
    """Given the packages of this machine, then whatever one of them needs here is in the list that names it."""
    here = {canonicalize_name(one.name) for one, _, _ in listed(TESTS) if holds(one, {"extra": ""})}
    for name in sorted(here):
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # newer in the list than on this machine: the next make test installs it
            continue
        for need in map(Requirement, needs):
            if holds(need, {"extra": ""}):
                assert canonicalize_name(need.name) in here, f"{name} needs {need}: run make lock"


@pytest.mark.parametrize("name", LISTS)
def test_no_version_with_a_fault_that_reaches_us(name: str) -> None:
    """Given faults published of packages that we use, then no list goes back behind the version that mended them."""
    for one, _, _ in listed(name):
        (version,) = [pinned.version for pinned in one.specifier]
        least = MENDED_IN.get(canonicalize_name(one.name), "0")
        assert Version(version) >= Version(least), f"{one} has a known fault, mended in {least}"


def licences(name: str) -> list[str]:
    """Return what a package says of its licence: in a word, else by its classifiers, else the licence's beginning."""
    told = metadata.metadata(name)
    if "License-Expression" in told:
        return [told["License-Expression"]]
    classified = [line for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    if classified:
        return classified
    free = told["License"].strip().splitlines() if "License" in told else []
    return free[:1] or [
        str(file.read_text())[:400]
        for file in metadata.files(name) or []
        if re.search("licen[cs]e|copying", file.name, re.IGNORECASE) and ".dist-info" in str(file)
    ]


def test_no_licence_binds_whoever_passes_phin_on() -> None:
    """Given the packages that Phin and its tests run with, then each tells its licence, and none is the GPL alone."""
    silent, bound = [], []
    for one, _, _ in listed(TESTS):
        try:
            told = licences(canonicalize_name(one.name))
        except metadata.PackageNotFoundError:
            continue
        if not told:
            silent.append(one.name)
        if told and all(COPYLEFT.search(line) for line in told) and not re.search(r"\bOR\b", " ".join(told)):
            bound.append(f"{one.name}: {told}")
    assert not bound
    assert not silent
