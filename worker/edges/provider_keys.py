"""What mail providers' webhooks are checked with: from the environment, or from a file that it names.

`PHIN_SENDGRID_KEY` is the public key of SendGrid's signed event webhook, as its page shows it (base64).
`PHIN_MAILGUN_KEY` is Mailgun's HTTP webhook signing key. `PHIN_POSTMARK_LOGIN` is `user:password`, as it stands in the
address that Postmark is given. Several, separated by commas, are all accepted, while one changes over. With
`…_FILE`, each names a file that holds the same. Amazon's SNS needs no secret, but its topics (`bounces.sns_topics`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from worker.domain.errors import SettingError
from worker.edges.secrets import SHORTEST, given

SENDGRID, MAILGUN, POSTMARK = "PHIN_SENDGRID_KEY", "PHIN_MAILGUN_KEY", "PHIN_POSTMARK_LOGIN"


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """What each provider's requests are checked with; nothing for one that is not used.

    Parameters:
        sendgrid: public keys that its signatures are of.
        mailgun: keys of its HMAC.
        postmark: `user:password` pairs of basic authentication.
    """

    sendgrid: tuple[EllipticCurvePublicKey, ...] = ()
    mailgun: tuple[bytes, ...] = field(default=(), repr=False)
    postmark: tuple[bytes, ...] = field(default=(), repr=False)


def read_provider_keys(environment: Mapping[str, str]) -> ProviderKeys:
    """Return the keys that are given.

    Raises:
        SettingError: one cannot be used; the message never holds it.
    """
    return ProviderKeys(
        sendgrid=tuple(_public_key(one) for one in _several(environment, SENDGRID)),
        mailgun=tuple(_long_enough(MAILGUN, one).encode() for one in _several(environment, MAILGUN)),
        postmark=tuple(_login(one).encode() for one in _several(environment, POSTMARK)),
    )


def provider_faults(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the keys that are given, as `read_provider_keys` would raise it, of each provider."""
    faults: list[str] = []
    for name in (SENDGRID, MAILGUN, POSTMARK):
        try:
            read_provider_keys({key: environment[key] for key in (name, f"{name}_FILE") if key in environment})
        except SettingError as error:
            faults.append(str(error))
    return tuple(faults)


def _several(environment: Mapping[str, str], name: str) -> list[str]:
    text = given(environment, name) or ""
    return [text.strip()] if "-----BEGIN" in text else [one.strip() for one in text.split(",") if one.strip()]


def _public_key(text: str) -> EllipticCurvePublicKey:
    fault = f"{SENDGRID} holds no public key; copy the verification key of SendGrid's event webhook as it stands there"
    try:
        key = (
            load_pem_public_key(text.encode()) if "-----BEGIN" in text else load_der_public_key(base64.b64decode(text))
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingError(fault) from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise SettingError(f"{fault}; this one is of another kind, SendGrid signs by ECDSA")
    return key


def _login(text: str) -> str:
    user, colon, password = text.partition(":")
    if not user or not colon:
        raise SettingError(f"{POSTMARK} is 'user:password', as in the address that Postmark is given")
    _long_enough(POSTMARK, password)
    return text


def _long_enough(name: str, text: str) -> str:
    if len(text) < SHORTEST:
        raise SettingError(f"{name} holds a secret of {len(text)} characters; use at least {SHORTEST}")
    return text
