"""Machines with different keys are told at their start, and a change of keys is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from worker.edges.one_key import compare_keys
from worker.edges.secrets import Secrets
from worker.storage.database import Database

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
OLD, NEW, OTHER = b"an old key of this shop", b"a new key of this shop", b"a key that a machine made"


def test_a_machine_that_cannot_read_the_others_links_says_so(database: Database) -> None:
    """Given a key that signs, then it may be followed by a new one; a machine that does not know it is told."""
    keys = Secrets(signing=(OLD,), ingest=())
    assert compare_keys(database, keys, NOW)
    assert compare_keys(database, replace(keys, signing=(OLD, NEW)), NOW)
    assert compare_keys(database, replace(keys, signing=(NEW, OLD)), NOW)
    assert not compare_keys(database, replace(keys, signing=(OTHER,)), NOW)
    assert compare_keys(database, replace(keys, signing=(OTHER,)), NOW)
