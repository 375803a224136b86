"""Secrets come from the environment or a file, else are made once; a key is never kept in the clear."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import SettingError
from worker.edges.secrets import Secrets, read_secrets

LONG = "k" * 20
LATER = "l" * 20
WEBHOOK = "whsec_" + "A" * 32


def test_secrets_are_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    """Given nothing, when secrets are read twice, then they are the same, and nobody else may read their files."""
    first, second = read_secrets({}, tmp_path), read_secrets({}, tmp_path)
    assert first == second
    assert first.made_ingest_key is not None
    assert first.source_of(first.made_ingest_key) == "shop"
    files = list((tmp_path / "secrets").iterdir())
    assert sorted(file.name for file in files) == ["ingest_key", "secret_key", "webhook_secret"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_the_secret_of_webhooks_is_made_given_or_told_to_be_wrong(tmp_path: Path) -> None:
    """Given none, two, or one that is too short, when secrets are read, then one is made, both sign, or it is told."""
    assert len(read_secrets({}, tmp_path).webhook) == 1
    two = f"{WEBHOOK}, {WEBHOOK}"
    assert read_secrets({"PHIN_WEBHOOK_SECRET": two}, tmp_path).webhook == (bytes(24), bytes(24))
    with pytest.raises(SettingError, match="PHIN_WEBHOOK_SECRET cannot be used"):
        read_secrets({"PHIN_WEBHOOK_SECRET": "whsec_c2hvcnQ="}, tmp_path)


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    """Given many that read at the same moment, then all have the same secrets."""
    seen: list[Secrets] = []
    barrier = threading.Barrier(8)

    def read() -> None:
        barrier.wait()
        seen.append(read_secrets({}, tmp_path))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert all(secrets == seen[0] for secrets in seen)


def test_the_first_of_a_ring_signs(tmp_path: Path) -> None:
    """Given two signing keys, then both are in the ring, in order."""
    secrets = read_secrets({"PHIN_SECRET_KEY": f"{LONG}, {LATER}"}, tmp_path)
    assert secrets.signing == (LONG.encode(), LATER.encode())


def test_ingest_keys_are_told_apart_by_name(tmp_path: Path) -> None:
    """Given a bare key, a named key, and a second key of that name, then each is known as its source."""
    secrets = read_secrets({"PHIN_INGEST_KEY": f"{LONG},till:{LATER},till:{LATER}2"}, tmp_path)
    assert secrets.source_of(LONG) == "shop"
    assert secrets.source_of(LATER) == secrets.source_of(LATER + "2") == "till"
    assert secrets.source_of(f"till:{LATER}") is None
    assert secrets.made_ingest_key is None
    assert not (tmp_path / "secrets" / "ingest_key").exists()


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    """Given a variable that names a file, then the file's text is the secret."""
    file = tmp_path / "key"
    file.write_text(f"{LONG}\n")
    assert read_secrets({"PHIN_SECRET_KEY_FILE": str(file)}, tmp_path).signing == (LONG.encode(),)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"PHIN_SECRET_KEY": "short"}, "5 characters"),
        ({"PHIN_SECRET_KEY": " , "}, "no key"),
        ({"PHIN_INGEST_KEY": "till:short"}, "5 characters"),
        ({"PHIN_INGEST_KEY": f"The Till:{LONG}"}, "names a key 'The Till'"),
        ({"PHIN_SECRET_KEY": LONG, "PHIN_SECRET_KEY_FILE": "/x"}, "both set"),
        ({"PHIN_SECRET_KEY_FILE": "/no/such/file"}, "cannot be read"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named(environment: dict[str, str], told: str, tmp_path: Path) -> None:
    """Given a secret that is too short, doubled or missing, then the error names the variable and the fault."""
    with pytest.raises(SettingError, match=told) as caught:
        read_secrets(environment, tmp_path)
    assert "PHIN_" in str(caught.value)
    assert LONG not in str(caught.value)


@given(st.text(max_size=50))
def test_no_other_text_is_a_key(text: str) -> None:
    """Given any text that is not the key, also one that is no text at all, then it opens nothing."""
    secrets = read_secrets({"PHIN_SECRET_KEY": LONG, "PHIN_INGEST_KEY": LATER}, Path("/nowhere"))
    assert (secrets.source_of(text) is not None) == (text == LATER)


def test_secrets_do_not_show_themselves(tmp_path: Path) -> None:
    """Given secrets, when they are printed, then no key is seen."""
    secrets = read_secrets({"PHIN_SECRET_KEY": LONG}, tmp_path)
    assert LONG not in repr(secrets)
    assert secrets.made_ingest_key is not None
    assert secrets.made_ingest_key not in repr(secrets)
