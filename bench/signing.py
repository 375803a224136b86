"""What a DKIM signature costs: microseconds of a shipped mail by RSA, by Ed25519 and by both, and by dkimpy.

    python -m bench.signing [--mails 2000]

Each is signed in turn within one run, best of five; dkimpy signs a tenth of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.delivery.mails import SHIPPED, SHOP, FakeLinks, values
from worker.delivery import mime
from worker.delivery.dkim import DkimSigner, Ed25519Key, RsaKey
from worker.delivery.headers import MailHeaders
from worker.delivery.templates.library import TemplateLibrary
from worker.domain.messages import Kind
from worker.edges.dkim_keys import read_dkim_keys
from worker.storage.claims import Claimed

DOMAIN = "thecoffee.example"
NOW = datetime(2024, 3, 1, 7, 0, tzinfo=UTC)
ROUNDS = 5


def finished() -> bytes:
    """Return a shipped mail of advertising."""
    message = Claimed(7, "k", 1, Kind.MARKETING, "welcome", NOW, 0, None, "welcome", "s", None, {}, None)
    headers = MailHeaders(DOMAIN)
    links = FakeLinks()
    return mime.build(
        TemplateLibrary(SHIPPED, SHOP).get("welcome", "vi").render(values(), links),
        to_name="Nguyễn Thị Lan",
        to_email="lan@example.com",
        message_id=headers.message_id(message),
        date=NOW,
        headers=headers.of(message, links.unsubscribe),
        boundary="0123456789abcdef",
    )


def measure(name: str, count: int, work: Callable[[], object]) -> None:
    """Print the best of some rounds."""
    best = 1e9
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(count):
            work()
        best = min(best, (time.perf_counter() - began) / count)
    print(f"{name:<28}{best * 1e6:>9.0f} µs")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=2_000)
    count = parser.parse_args().mails
    content = finished()
    with tempfile.TemporaryDirectory() as folder:
        keys = read_dkim_keys({}, Path(folder))
    assert keys.rsa is not None
    assert keys.ed25519 is not None
    rsa, ed25519 = RsaKey("phin", keys.rsa), Ed25519Key("phin-ed25519", keys.ed25519)
    print(f"a mail of {len(content):,} bytes")
    for name, signer in (
        ("RSA-2048", DkimSigner(DOMAIN, [rsa])),
        ("Ed25519", DkimSigner(DOMAIN, [ed25519])),
        ("both", DkimSigner(DOMAIN, [rsa, ed25519])),
        ("all but the signatures", DkimSigner(DOMAIN, [])),
    ):
        measure(name, count, lambda signer=signer: signer.sign(content, NOW))  # type: ignore[misc] # bound at once
    pem = keys.rsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    relaxed = (b"relaxed", b"relaxed")
    measure("dkimpy, RSA-2048", count // 10, lambda: dkim.sign(content, b"phin", DOMAIN.encode(), pem, None, relaxed))


if __name__ == "__main__":
    main()
