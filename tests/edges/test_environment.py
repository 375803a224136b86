"""The home folder and its settings: every path absolute, every fault named with its place or variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.processes import ROOT
from worker.domain.errors import FileError, SettingError
from worker.edges.environment import find_home, read_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop:\n  name: The Coffee\nport: 9000\n")
    return tmp_path


def test_the_environment_overrides_the_file(home: Path) -> None:
    """Given a file and variables, then a variable wins, and what neither says is the default."""
    settings = read_home({"PHIN_HOME": str(home), "PHIN_PORT": "9100", "PHIN_SECRET_KEY": "x" * 20}).settings
    assert (settings.shop.name, settings.port, settings.bind) == ("The Coffee", 9100, "127.0.0.1")


def test_paths_are_counted_from_the_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a home named by PHIN_HOME, then its folders are found from wherever the command is run."""
    monkeypatch.chdir("/")
    found = read_home({"PHIN_HOME": str(home), "PHIN_VAR": "kept", "PHIN_TEMPLATES": "/elsewhere"})
    assert found.settings.var == home / "kept"
    assert found.settings.flows == home / "flows"
    assert found.settings.templates == Path("/elsewhere")
    assert found.config == home / "config"
    assert found.database_url == f"sqlite:///{home / 'kept' / 'phin.db'}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///var/other.db", "sqlite:///{home}/var/other.db"),
        ("sqlite:////tmp/other.db", "sqlite:////tmp/other.db"),
        ("postgresql://phin:secret@db/phin", "postgresql://phin:secret@db/phin"),
    ],
)
def test_a_database_may_be_elsewhere(home: Path, url: str, expected: str) -> None:
    """Given a database URL, then a SQLite file is counted from the home folder and a server's URL is left alone."""
    found = read_home({"PHIN_HOME": str(home), "PHIN_DATABASE_URL": url})
    assert found.database_url == expected.format(home=home)


def test_the_home_is_where_the_command_is_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no PHIN_HOME, then the home is the working folder; without settings in it, that is told."""
    monkeypatch.chdir(home)
    assert find_home({}) == home
    monkeypatch.chdir(home / "config")
    with pytest.raises(SettingError, match="PHIN_HOME"):
        find_home({})


def test_a_wrong_home_is_named_by_its_variable(home: Path) -> None:
    """Given a PHIN_HOME without settings in it, then the error begins with the variable and says what belongs there."""
    with pytest.raises(
        SettingError, match=r"^PHIN_HOME is /x, and there is no config/phin\.yaml in it; name the folder"
    ):
        find_home({"PHIN_HOME": "/x"})


def test_faults_are_told(home: Path) -> None:
    """Given a wrong variable, a wrong URL, a wrong file, then each error names what is wrong and never a password."""
    with pytest.raises(SettingError, match="PHIN_PORT"):
        read_home({"PHIN_HOME": str(home), "PHIN_PORT": "many"})
    with pytest.raises(SettingError, match="PHIN_DATABASE_URL") as caught:
        read_home({"PHIN_HOME": str(home), "PHIN_DATABASE_URL": "postgres secret"})
    assert "secret" not in str(caught.value)
    (home / "config" / "phin.yaml").write_text("shpo:\n  name: x\n")
    with pytest.raises(FileError, match=r"phin\.yaml:1:1.*shpo"):
        read_home({"PHIN_HOME": str(home)})


def test_the_shipped_settings_can_be_used() -> None:
    """Given what this repository ships, then it is the settings of a shop that is complete."""
    shop = read_home({"PHIN_HOME": str(ROOT)}).settings.shop
    assert shop.name == "The Coffee"
    assert shop.address
    assert shop.sender.email.endswith(".example")
