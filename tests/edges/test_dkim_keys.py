"""Keys that sign mails come from the environment, else are made once; their records are printed as DNS wants them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from worker.domain.errors import SettingError
from worker.domain.settings import Settings
from worker.edges.cli.dkim import dkim, zone_line
from worker.edges.cli.parsers import secret_problems
from worker.edges.dkim_keys import ED25519, RSA, dkim_signer, key_records, read_dkim_keys

PEM, PKCS8, BARE = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
ED = Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, BARE).decode()


def test_keys_are_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    """Given no key, when they are read twice, then they are the same two, and nobody else may read their files."""
    settings = Settings(var=tmp_path)
    first, second = read_dkim_keys({}, tmp_path), read_dkim_keys({}, tmp_path)
    assert first.made
    assert key_records(settings, first) == key_records(settings, second)
    files = list((tmp_path / "secrets").iterdir())
    assert sorted(file.name for file in files) == ["dkim_ed25519.pem", "dkim_rsa.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_no_key_is_made_or_read_where_mails_are_not_signed(tmp_path: Path) -> None:
    """Given the setting as it comes, then nothing signs, and a shop that signs elsewhere has no keys lying about."""
    assert dkim_signer(Settings(var=tmp_path), {RSA: "nonsense"}) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", [ED, ED.replace("\n", "\\n"), f"\n{ED}\n"])
def test_a_key_that_is_given_is_the_only_one(tmp_path: Path, form: str) -> None:
    """Given one key, also in one line with \\n, or in a file, then it alone signs, and none is made."""
    file = tmp_path / "key.pem"
    file.write_text(form)
    for environment in ({ED25519: form}, {f"{ED25519}_FILE": str(file)}):
        keys = read_dkim_keys(environment, tmp_path / "var")
        assert (keys.rsa, keys.made) == (None, False)
        (record,) = key_records(Settings.model_validate({"dkim": {"domain": "shop.example"}}), keys)
        assert record.name == "phin-ed25519._domainkey.shop.example"
        assert record.value.startswith("v=DKIM1; k=ed25519; p=")
    assert not (tmp_path / "var").exists()


def test_a_long_record_is_cut_as_dns_wants_it(tmp_path: Path) -> None:
    """Given an RSA key, then its record is written in strings of at most 255 bytes, which together are its text."""
    settings = Settings.model_validate({"shop": {"sender": {"email": "a@cà-phê.example"}}})
    rsa, _ = key_records(settings, read_dkim_keys({}, tmp_path))
    assert rsa.name == "phin._domainkey.xn--c-ph-0na7d.example"
    assert len(rsa.value) > 255
    assert [len(one) for one in rsa.strings] == [255, len(rsa.value) - 255]
    line = zone_line(rsa)
    assert line.startswith(f"{rsa.name}. IN TXT (\n")
    assert "".join(line.split('"')[1::2]) == rsa.value


def wrong_keys() -> dict[str, tuple[str, str, str]]:
    """Return keys that cannot be used: in which variable, their text, what is said."""
    small = rsa_key(65_537, 1024).private_bytes(PEM, PKCS8, BARE).decode()
    locked = Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, BestAvailableEncryption(b"x" * 9)).decode()
    public = Ed25519PrivateKey.generate().public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {
        "nonsense": (RSA, "a key that is none", "holds no private key in PEM; make one: openssl"),
        "cut": (ED25519, ED[:60], "holds no private key in PEM"),
        "public": (ED25519, public, "holds no private key in PEM"),
        "other": (RSA, ED, "holds a key of another kind"),
        "curve": (ED25519, ec_key(SECP256R1()).private_bytes(PEM, PKCS8, BARE).decode(), "a key of another kind"),
        "small": (RSA, small, "holds a key of 1024 bits; servers trust 2048 to 4096"),
        "locked": (ED25519, locked, "holds a key with a password; give it without"),
    }


@pytest.mark.parametrize("name", ["nonsense", "cut", "public", "other", "curve", "small", "locked"])
def test_a_key_that_cannot_be_used_is_told_at_the_start_and_by_the_check(tmp_path: Path, name: str) -> None:
    """Given a key that cannot sign, then the message names the variable and what to do, and never holds the key."""
    variable, text, said = wrong_keys()[name]
    with pytest.raises(SettingError, match=said) as caught:
        read_dkim_keys({variable: text}, tmp_path)
    assert str(caught.value).startswith(variable)
    assert text[:30] not in str(caught.value)
    assert str(caught.value) in [problem.message for problem in secret_problems({variable: text})]


def test_the_command_prints_what_is_to_be_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a shop, when `phin dkim` is asked, then it prints both records, tells that mails are not signed yet."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {sender: {email: chao@thecoffee.example}}\n")
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    monkeypatch.delenv("PHIN_VAR", raising=False)
    run = CliRunner().invoke(dkim)
    assert run.exit_code == 0, run.output
    assert "phin._domainkey.thecoffee.example. IN TXT (\n" in run.stdout
    assert "not signed yet" in run.stderr
    told = json.loads(CliRunner().invoke(dkim, ["--json"]).stdout)
    assert [one["name"].partition(".")[0] for one in told] == ["phin", "phin-ed25519"]
    assert told[0]["value"] in CliRunner().invoke(dkim, ["--plain"]).stdout
    assert "PRIVATE" not in run.output
