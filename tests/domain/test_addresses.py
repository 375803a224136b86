"""Masking: no e-mail address stays in a text, whatever stands round it, and nothing else is lost."""

from __future__ import annotations

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.addresses import MASK, masked, normalise_address

LOCALS = st.from_regex(r"[a-zA-Z0-9+_-]{1,20}(\.[a-zA-Z0-9+_-]{1,20})?", fullmatch=True)
DOMAINS = st.from_regex(r"([a-z0-9]{1,10}\.){1,3}[a-z]{2,6}", fullmatch=True)
ROUND = st.sampled_from(
    [("", ""), ("(", ")"), ("=(", ") "), ("<", ">"), ("'", "'"), ('{"email": "', '"}'), ("to=", "&x=1")]
)


@given(st.text(alphabet="abc é\n'\"", max_size=30), LOCALS, DOMAINS, ROUND)
def test_no_address_is_left(before: str, local: str, domain: str, round_it: tuple[str, str]) -> None:
    """Given a text with an address in it, when it is masked, then what is round it stays and the address does not."""
    opening, closing = round_it
    text = f"{before} {opening}{local}@{domain}{closing}"
    assert masked(text) == f"{before} {opening}{MASK}{closing}"
    assert masked(f"{local}%40{domain}") == MASK


@given(st.text(alphabet=st.characters(exclude_characters="@%")))
def test_a_text_without_an_address_stays(text: str) -> None:
    """Given a text without an `@`, when it is masked, then it is as it was."""
    assert masked(text) == text


@pytest.mark.parametrize("text", ["@property", "a @ b", "matrix = a@b", "50%"])
def test_what_is_no_address_stays(text: str) -> None:
    """Given an `@` that belongs to no address, when the text is masked, then it stays."""
    assert masked(text) == text


@pytest.mark.parametrize(
    "address", ["lan@example.com", "nguyễn.lan@thư.vn", "a!#$*+/=?^_`{|}~-@example.com", "o'neil@example.com"]
)
def test_an_unusual_address_is_not_readable(address: str) -> None:
    """Given any address that the intake takes, when a text with it is masked, then its end beside the `@` is gone."""
    assert "@" not in masked(f"of {normalise_address(address)}").replace(MASK, "")


_LABEL = "[a-zA-Z0-9-]{1,35}"


@given(
    st.one_of(
        st.from_regex(rf"[a-zA-Z0-9+_.-]{{1,45}}@({_LABEL}\.){{0,5}}[a-zA-Z0-9-]{{1,32}}", fullmatch=True),
        st.tuples(LOCALS, st.sampled_from(sorted(SPECIAL_USE_DOMAIN_NAMES))).map(lambda parts: "@x.".join(parts)),
        st.tuples(LOCALS, DOMAINS).map("@".join),
    )
)
def test_what_is_told_at_once_is_what_the_library_says(written: str) -> None:
    """Given anything like an address, plain or nearly so, then it is taken where the library takes it, in its form."""
    try:
        found = validate_email(written, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        with pytest.raises(ValueError, match="no e-mail address"):
            normalise_address(written)
    else:
        assert normalise_address(f" {written} ") == f"{found.local_part}@{found.ascii_domain}".lower()


@pytest.mark.parametrize("local", ["o'neil", "lan/hue", "d'a.o'neil", "a/b/c"])
def test_what_belongs_to_a_local_part_goes_with_it(local: str) -> None:
    """Given a local part with a quote or slash in it, when a text with it is masked, then nothing of it stays."""
    assert masked(f"550 '{local}@example.com': unknown") == f"550 '{MASK}': unknown"
    assert masked(f"<{local}%40example.com>") == f"<{MASK}>"


def test_a_long_line_is_masked_in_one_go() -> None:
    """Given lines of a million characters that look like the beginning of an address, then masking them ends."""
    for line in ("a" * 1_000_000 + " @", "a@" * 500_000, "a@" + "b." * 500_000, "a'" * 500_000, "a/" * 500_000):
        assert masked(line)
