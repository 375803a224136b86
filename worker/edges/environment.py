"""Where a shop's Phin lives, and its settings: the home folder with `config/`, `flows/`, `templates/` and `var/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from worker.domain.errors import SettingError
from worker.domain.settings import Settings
from worker.language.config.settings import read_settings


@dataclass(frozen=True, slots=True)
class Home:
    """A shop's folder and its settings; every path in them is absolute.

    Parameters:
        environment: the variables that the settings were read with.
    """

    folder: Path
    settings: Settings
    environment: Mapping[str, str]

    @property
    def config(self) -> Path:
        """The folder of the YAML files about the shop."""
        return self.folder / "config"

    @property
    def database_url(self) -> str:
        """The database's URL; where none is set, SQLite under `var`."""
        return self.settings.database_url or f"sqlite:///{self.settings.var / 'phin.db'}"


def find_home(environment: Mapping[str, str]) -> Path:
    """Return the home folder: PHIN_HOME, else where the command is run.

    Raises:
        SettingError: there is no `config/phin.yaml` in it.
    """
    named = environment.get("PHIN_HOME")
    folder = (Path(named) if named else Path.cwd()).absolute()
    if not (folder / "config" / "phin.yaml").is_file():
        if named:
            raise SettingError(
                f"PHIN_HOME is {named}, and there is no config/phin.yaml in it; name the folder that holds config/, "
                "flows/ and templates/"
            )
        raise SettingError(
            f"{folder} holds no config/phin.yaml; run phin in the shop's folder, or name it by PHIN_HOME"
        )
    return folder


def read_home(environment: Mapping[str, str]) -> Home:
    """Find the home folder and read its settings.

    Raises:
        SettingError: a setting cannot be used, or there is no home.
        FileError: `config/phin.yaml` has problems.
    """
    folder = find_home(environment)
    settings = read_settings(folder / "config" / "phin.yaml", environment)
    paths = {name: folder / getattr(settings, name) for name in ("var", "flows", "templates")}
    url = settings.database_url
    return Home(
        folder,
        settings.model_copy(update={**paths, "database_url": None if url is None else _absolute(url, folder)}),
        environment,
    )


def _absolute(url: str, folder: Path) -> str:
    """Return the URL with a SQLite file's path counted from the home folder."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # the latter: a port that is no number
        raise SettingError(
            "database_url (PHIN_DATABASE_URL) is no database URL; write sqlite:///var/phin.db "
            "or postgresql://user:password@host/name"
        ) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return url
    return f"sqlite:///{folder / parsed.database}"
