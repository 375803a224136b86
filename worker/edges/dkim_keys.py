"""The keys that sign mails (DKIM), and the DNS records in which their public halves are published.

`PHIN_DKIM_RSA_KEY` and `PHIN_DKIM_ED25519_KEY` hold a private key each in PEM, or `…_FILE` names a file that does.
Where neither is given, Phin makes both under `var/secrets`. Several machines need the same keys: give them there.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from worker.delivery.dkim import DkimKey, DkimSigner, Ed25519Key, RsaKey
from worker.domain.errors import SettingError
from worker.domain.settings import Settings
from worker.edges.secrets import given, made_once

RSA, ED25519 = "PHIN_DKIM_RSA_KEY", "PHIN_DKIM_ED25519_KEY"
BITS = 2048
_LARGEST = 4096  # what every server that verifies can read (RFC 8301, 3.2)
_STRING = 255  # bytes of one string of a TXT record (RFC 1035, 3.3)
_MAKE = {
    RSA: "openssl genrsa -out dkim.pem 2048",
    ED25519: "openssl genpkey -algorithm ed25519 -out dkim.pem",
}


@dataclass(frozen=True, slots=True)
class DkimKeys:
    """The private keys; at least one of them is there.

    Parameters:
        made: whether Phin made them on this machine.
    """

    rsa: RSAPrivateKey | None
    ed25519: Ed25519PrivateKey | None
    made: bool = False


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A TXT record that publishes a key (RFC 6376, 3.6.1).

    Parameters:
        name: whole, without the dot at its end.
        value: its text in one piece, as a form on a web page takes it.
    """

    name: str
    value: str

    @property
    def strings(self) -> tuple[str, ...]:
        """The text in strings as a zone file holds it, each of at most 255 bytes."""
        return tuple(self.value[start : start + _STRING] for start in range(0, len(self.value), _STRING))


def read_dkim_keys(environment: Mapping[str, str], var: Path) -> DkimKeys:
    """Return the keys that are given; where none is, those under `var/secrets`, made now if they are not there.

    Raises:
        SettingError: a key cannot be used; the message never holds it.
    """
    rsa, ed25519 = given(environment, RSA), given(environment, ED25519)
    made = rsa is None and ed25519 is None
    if made:
        folder = var / "secrets"
        rsa = made_once(folder / "dkim_rsa.pem", lambda: _pem(generate_private_key(65_537, BITS)))
        ed25519 = made_once(folder / "dkim_ed25519.pem", lambda: _pem(Ed25519PrivateKey.generate()))
    return DkimKeys(None if rsa is None else _read_rsa(rsa), None if ed25519 is None else _read_ed25519(ed25519), made)


def dkim_faults(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the keys that are given; nothing is made."""
    faults: list[str] = []
    for name, read in ((RSA, _read_rsa), (ED25519, _read_ed25519)):
        try:
            if (pem := given(environment, name)) is not None:
                read(pem)
        except SettingError as error:
            faults.append(str(error))
    return tuple(faults)


def dkim_domain(settings: Settings) -> str:
    """Return the domain that signs."""
    return settings.dkim.domain or settings.shop.sender.email.rpartition("@")[2]


def dkim_signer(settings: Settings, environment: Mapping[str, str]) -> DkimSigner | None:
    """Return what signs mails, or None where signing is off.

    Raises:
        SettingError: a key cannot be used.
    """
    if not settings.dkim.sign:
        return None
    keys = read_dkim_keys(environment, settings.var)
    signing: list[DkimKey] = []
    if keys.rsa is not None:  # first: a verifier that looks at one signature looks at the uppermost
        signing.append(RsaKey(settings.dkim.selector, keys.rsa))
    if keys.ed25519 is not None:
        signing.append(Ed25519Key(settings.dkim.selector_ed25519, keys.ed25519))
    return DkimSigner(dkim_domain(settings), signing)


def key_records(settings: Settings, keys: DkimKeys) -> Sequence[KeyRecord]:
    """Return the records to publish."""
    beneath = f"_domainkey.{dkim_domain(settings)}"
    records = []
    if keys.rsa is not None:
        public = keys.rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        records.append(KeyRecord(f"{settings.dkim.selector}.{beneath}", f"v=DKIM1; k=rsa; p={_base64(public)}"))
    if keys.ed25519 is not None:
        raw = keys.ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)  # RFC 8463, section 4
        name = f"{settings.dkim.selector_ed25519}.{beneath}"
        records.append(KeyRecord(name, f"v=DKIM1; k=ed25519; p={_base64(raw)}"))
    return records


def _read_rsa(pem: str) -> RSAPrivateKey:
    key = _read(RSA, pem)
    if not isinstance(key, RSAPrivateKey):
        raise SettingError(f"{RSA} holds a key of another kind; make one: {_MAKE[RSA]}")
    if not BITS <= key.key_size <= _LARGEST:
        raise SettingError(
            f"{RSA} holds a key of {key.key_size} bits; servers trust {BITS} to {_LARGEST}; make one: {_MAKE[RSA]}"
        )
    return key


def _read_ed25519(pem: str) -> Ed25519PrivateKey:
    key = _read(ED25519, pem)
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingError(f"{ED25519} holds a key of another kind; make one: {_MAKE[ED25519]}")
    return key


def _read(name: str, pem: str) -> object:
    # what sets variables from one line each writes line breaks as \n
    text = pem.replace("\\n", "\n").encode()
    try:
        return load_pem_private_key(text, password=None)
    except TypeError as error:  # that is how the library says that a password is needed
        raise SettingError(f"{name} holds a key with a password; give it without: openssl pkey -in dkim.pem") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingError(f"{name} holds no private key in PEM; make one: {_MAKE[name]}") from error


def _pem(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode()
