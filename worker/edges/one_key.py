"""Machines that share a database share its keys: a process that cannot read the others' links says so at its start.

Without `PHIN_SECRET_KEY` each machine makes a key of its own under `var/secrets`, and a click on a mail from one leads
nowhere on another. What signed last is kept in the database as a part of its hash; the key cannot be told from it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import structlog

from worker.edges.secrets import Secrets
from worker.storage import flows
from worker.storage.database import Database
from worker.storage.rows import insert
from worker.storage.tables import switch

SIGNS = "signs"  # the switch
_PART = 6  # bytes of the hash

_log = structlog.get_logger(__name__)


def compare_keys(database: Database, secrets: Secrets, now: datetime) -> bool:
    """Note which key signs here; False, and an error in the log, where the one that signed before is none of ours."""
    ours = [int.from_bytes(hashlib.sha256(b"phin signs " + key).digest()[:_PART]) for key in secrets.signing]
    with database.reading() as connection:
        before = flows.switches(connection).get(SIGNS)
    if before == ours[0]:
        return True
    with database.writing() as connection:
        statement = insert(connection, switch).values(name=SIGNS, value=ours[0], changed_at=now)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": ours[0], "changed_at": now})
        )
    known = before is None or before in ours
    if not known:
        _log.error(
            "links were signed with another key, and cannot be read here: give PHIN_SECRET_KEY the same value on "
            "every machine; after a change of keys, keep the old one behind the new one"
        )
    return known
