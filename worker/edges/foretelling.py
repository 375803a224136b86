"""Foretelling as a process of its own, which the clock starts each night: it alone loads numpy and scipy, and leaves.

python -m worker.edges.foretelling [--quiet]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import structlog
from rich.console import Console
from rich.progress import Progress

from worker.domain.errors import PhinError
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.logs import set_up_logs
from worker.edges.secrecy import secrets_of
from worker.engine.fitting import fit_anew
from worker.engine.foretelling import foretell_all
from worker.storage.migrations import fits

_log = structlog.get_logger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Fit the model anew and foretell every customer; returns the exit status."""
    home = read_home(os.environ)
    name, zone = os.environ.get("PHIN_NAME", "foretelling"), home.settings.shop.timezone
    set_up_logs(home.settings.log, name, zone, secrets_of(home))
    house = House(home)
    try:
        now = house.clock.now()
        with house.database.reading() as connection:
            if not fits(connection):
                raise PhinError("the database is not up to date with this version; run 'phin release' first")
            dates = house.flowbook.follow(connection).dates
        fitted = fit_anew(house.database, now)
        with Progress(console=Console(stderr=True), disable="--quiet" in arguments) as progress:
            task = progress.add_task("customers", total=fitted.buyers)
            done = foretell_all(house.database, dates, now, lambda count: progress.update(task, completed=count))
        _log.info("customers were foretold", buyers=done.looked_at, changed=done.changed, model=str(fitted.model))
    except PhinError as error:
        _log.error("customers cannot be foretold", why=str(error))
        return 1
    finally:
        house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
