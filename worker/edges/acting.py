"""Who does something, as the audit log names them."""

from __future__ import annotations

import getpass
import socket

from worker.storage.audit import Actor, Way


def operator() -> Actor:
    """Return whoever typed this command: user and machine, `thu@office`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user of the system without a name, as containers have
        user = "somebody"
    return Actor(Way.COMMAND, f"{user}@{socket.gethostname()}")
