"""What providers signed without the body that came with it: each is good for that body alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from worker.storage.rows import Insertion
from worker.storage.tables import provider_token

_ADD = Insertion(provider_token, lambda new: new.on_conflict_do_nothing().returning(provider_token.c.token))


def remember(connection: Connection, token: str, digest: str, at: datetime) -> bool:
    """Remember a token with the digest of its body; says whether it is new, or came with the same body before.

    Parameters:
        token: with the provider's name before it.
    """
    if connection.execute(_ADD.on(connection), {"token": token, "digest": digest, "at": at}).scalar() is not None:
        return True
    known = select(provider_token.c.digest).where(provider_token.c.token == token)
    return bool(connection.execute(known).scalar() == digest)


def forget(connection: Connection, before: datetime) -> int:
    """Forget tokens that are too old to be taken again; returns how many."""
    return connection.execute(delete(provider_token).where(provider_token.c.at < before)).rowcount
