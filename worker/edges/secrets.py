"""Secrets: from the environment or a file that it names, else made under `var/secrets` on first start.

`PHIN_SECRET_KEY` signs links and tokens; several, separated by commas, make a ring whose first signs while all
are accepted. `PHIN_INGEST_KEY` lets a shop send events; several, `name:key` each, are told apart in the records.
`PHIN_WEBHOOK_SECRET` signs webhooks (`whsec_…`); several, separated by commas, sign all, while receivers change over.
`PHIN_SECRET_KEY_FILE`, `PHIN_INGEST_KEY_FILE` and `PHIN_WEBHOOK_SECRET_FILE` name a file that holds the same.
The keys that sign mails are in `worker.edges.dkim_keys`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from worker.domain.errors import SettingError
from worker.domain.webhooks import SECRET_PREFIX, secret_bytes
from worker.storage.events import OWN_SOURCE

SHORTEST = 16  # characters; what Phin makes is 43
NAME = re.compile(r"^[a-z][a-z0-9._-]{0,39}$")
UNNAMED = "shop"


@dataclass(frozen=True, slots=True)
class IngestKey:
    """A key that may send events; only its hash is kept.

    Parameters:
        name: the source that its events are recorded under.
        digest: SHA-256 of the key; enough for a key that is long and random.
    """

    name: str
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only this shop's Phin knows.

    Parameters:
        signing: the key ring; the first signs, each is accepted.
        ingest: who may send events.
        webhook: the keys that sign webhooks; each signs.
        made_ingest_key: the key that Phin made itself on this machine, to be shown to its owner; else None.
    """

    signing: tuple[bytes, ...] = field(repr=False)
    ingest: tuple[IngestKey, ...]
    webhook: tuple[bytes, ...] = field(default=(), repr=False)
    made_ingest_key: str | None = field(default=None, repr=False)

    def source_of(self, presented: str) -> str | None:
        """Return the name of the ingest key that was presented, or None; takes as long whichever it is."""
        digest = _digest(presented)
        name = None
        for key in self.ingest:
            if hmac.compare_digest(key.digest, digest):
                name = key.name
        return name


def read_secrets(environment: Mapping[str, str], var: Path) -> Secrets:
    """Return the secrets, making under `var/secrets` those that nobody gave.

    Raises:
        SettingError: a secret is too short, is given twice, or its file cannot be read.
    """
    folder = var / "secrets"
    signing = given(environment, "PHIN_SECRET_KEY") or made_once(folder / "secret_key", _readable(""))
    ingest = given(environment, "PHIN_INGEST_KEY")
    made = None if ingest else made_once(folder / "ingest_key", _readable("dev-"))
    webhook = given(environment, "PHIN_WEBHOOK_SECRET") or made_once(folder / "webhook_secret", _webhook_secret)
    return Secrets(
        signing=_signing_keys(signing),
        ingest=_ingest_keys(ingest or made or ""),
        webhook=_webhook_keys(webhook),
        made_ingest_key=made,
    )


def secret_faults(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the secrets that are given, as `read_secrets` would raise it; nothing is made."""
    faults: list[str] = []
    for name in ("PHIN_SECRET_KEY", "PHIN_INGEST_KEY", "PHIN_WEBHOOK_SECRET"):
        try:
            value = given(environment, name)
            if value is None:
                continue
            if name == "PHIN_INGEST_KEY":
                _ingest_keys(value)
            elif name == "PHIN_WEBHOOK_SECRET":
                _webhook_keys(value)
            else:
                _signing_keys(value)
        except SettingError as error:
            faults.append(str(error))
    return tuple(faults)


def _signing_keys(text: str) -> tuple[bytes, ...]:
    return tuple(_long_enough("PHIN_SECRET_KEY", key).encode() for key in _listed("PHIN_SECRET_KEY", text))


def _ingest_keys(text: str) -> tuple[IngestKey, ...]:
    keys: dict[str, list[IngestKey]] = {}
    for item in _listed("PHIN_INGEST_KEY", text):
        name, colon, key = item.partition(":")
        if not colon:
            name, key = UNNAMED, item
        if not NAME.match(name):
            raise SettingError(
                f"PHIN_INGEST_KEY names a key '{name}'; a name is small letters, digits, '.', '_' and '-', at most 40"
            )
        if name == OWN_SOURCE:
            raise SettingError(f"PHIN_INGEST_KEY names a key '{name}', which is the source of Phin's own events")
        # a name may have two keys: the old and the new one, while the shop changes over
        keys.setdefault(name, []).append(IngestKey(name, _digest(_long_enough("PHIN_INGEST_KEY", key))))
    return tuple(key for several in keys.values() for key in several)


def given(environment: Mapping[str, str], name: str) -> str | None:
    """Return a secret that stands in the environment, or in the file that it names; None where there is none.

    Raises:
        SettingError: it is given twice, or its file cannot be read.
    """
    value, file = environment.get(name), environment.get(f"{name}_FILE")
    if value and file:
        raise SettingError(f"{name} and {name}_FILE are both set; keep one")
    if file:
        try:
            value = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{name}_FILE names '{file}', which cannot be read: {error}") from error
        if not value:
            raise SettingError(f"{name}_FILE names '{file}', which is empty")
    return value or None


def _listed(name: str, text: str) -> list[str]:
    items = [item.strip() for item in text.replace("\n", ",").split(",") if item.strip()]
    if not items:
        raise SettingError(f"{name} holds no key")
    return items


def _long_enough(name: str, key: str) -> str:
    if len(key) < SHORTEST:
        raise SettingError(
            f"{name} holds a key of {len(key)} characters; use at least {SHORTEST} "
            "(for example: python3 -c 'import secrets; print(secrets.token_urlsafe(32))')"
        )
    return key


def _webhook_keys(text: str) -> tuple[bytes, ...]:
    keys: list[bytes] = []
    for secret in _listed("PHIN_WEBHOOK_SECRET", text):
        try:
            keys.append(secret_bytes(secret))
        except ValueError as error:
            raise SettingError(
                f"PHIN_WEBHOOK_SECRET cannot be used: {error} "
                "(make one: python3 -c 'import base64, secrets; "
                'print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())\')'
            ) from error
    return tuple(keys)


def _readable(prefix: str) -> Callable[[], str]:
    return lambda: f"{prefix}{secrets.token_urlsafe(32)}"


def _webhook_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def made_once(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in this file, made now where there is none; of two processes at once, one makes it.

    Only this user may read the file and its folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{make()}\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(fresh, path)  # fails where another process was quicker, so nobody overwrites
        except FileExistsError:
            pass
        finally:
            fresh.unlink(missing_ok=True)
    return path.read_text().strip()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
