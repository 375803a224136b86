"""How a command that looks or changes gets its house: settings, secrets, an up-to-date database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from worker.domain.errors import PhinError
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.logs import set_up_logs
from worker.edges.secrecy import secrets_of
from worker.storage.migrations import fits


@contextmanager
def opened(name: str) -> Iterator[House]:
    """Open the house for one command.

    Raises:
        PhinError: the database is not there, or of another version; the message says what to run.
    """
    home = read_home(os.environ)
    set_up_logs("console", name, home.settings.shop.timezone, secrets_of(home))
    house = House(home)
    try:
        with house.database.reading() as connection:
            if not fits(connection):
                raise PhinError("there is no up-to-date database yet; 'phin up' or 'phin release' makes it")
        yield house
    finally:
        house.close()
