"""Legal profiles: what each gives, what overrides it, the mark of advertising, and whose consent is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from worker.domain.customers import Consent, ConsentState, Customer
from worker.domain.law import LABELS, PROFILES, tagged
from worker.domain.messages import Kind
from worker.domain.policy import Pending, PendingStaff, SkipReason, may_follow, skip, skip_staff
from worker.domain.setting_law import Policy
from worker.language.config.settings import inspect_settings

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
YES, NO, UNKNOWN = ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED, ConsentState.UNKNOWN
LAN = Customer(1, "c1", email="lan@example.com")

RULES: dict[str, dict[str, Any]] = {  # docs/policy.md says the same
    "vn": {
        "marketing_consent": "opt-in",
        "tracking_consent": True,
        "double_opt_in": False,
        "subject_tag": "[QC]",
        "refusal_confirmed": True,
        "quiet_hours": "22:00-07:00",
        "per_day": 3,
    },
    "eu": {
        "marketing_consent": "opt-in",
        "tracking_consent": True,
        "double_opt_in": True,
        "subject_tag": "",
        "refusal_confirmed": False,
        "quiet_hours": "",
        "per_day": None,
    },
    "us": {
        "marketing_consent": "opt-out",
        "tracking_consent": False,
        "double_opt_in": False,
        "subject_tag": "",
        "refusal_confirmed": False,
        "quiet_hours": "",
        "per_day": None,
    },
}


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_profile_gives_every_rule_and_leaves_the_rest_as_it_is(profile: str) -> None:
    """Given a profile and nothing else, then its rules hold; without one, nothing is capped, marked or confirmed."""
    found = Policy.model_validate({"profile": profile}).model_dump()
    assert {name: found[name] for name in RULES[profile]} == RULES[profile]
    bare = Policy().model_dump()
    assert bare["marketing_consent"] == "opt-in" and bare["tracking_consent"] is True
    assert not any(value for name, value in bare.items() if name not in ("marketing_consent", "tracking_consent"))


@pytest.mark.parametrize(
    ("variable", "text", "is_now"),
    [
        ("PER_DAY", "none", None),
        ("PER_DAY", "5", 5),
        ("QUIET_HOURS", "none", ""),
        ("SUBJECT_TAG", "none", ""),
        ("SUBJECT_TAG", "[AD]", "[AD]"),
        ("REFUSAL_CONFIRMED", "false", False),
        ("MARKETING_CONSENT", "opt-out", "opt-out"),
        ("HOLIDAYS", "public, 2027-05-12", ("public", "2027-05-12")),
    ],
)
def test_each_rule_overrides_its_profile_from_outside_too(variable: str, text: str, is_now: object) -> None:
    """Given the Vietnamese profile, when a variable sets one rule or switches it off, then the others stay."""
    settings, problems = inspect_settings(None, {"PHIN_POLICY_PROFILE": "vn", f"PHIN_POLICY_{variable}": text})
    assert settings is not None and not problems
    found = settings.policy.model_dump()
    assert found[variable.lower()] == is_now
    others = {name: value for name, value in RULES["vn"].items() if name != variable.lower()}
    assert {name: found[name] for name in others} == others


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"profile": "de"}, "vn"),
        ({"holidays": "public"}, "whose public holidays"),
        ({"holidays": ["2027-02-30"]}, "no day"),
        ({"holidays": ["2027-02-10 to 2027-02-04"]}, "ends before it begins"),
        ({"country": "Vietnam"}, "ISO 3166"),
        ({"subject_tag": "a\nb"}, "line break"),
        ({"per_day": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_a_rule_is_told(given: dict[str, Any], said: str) -> None:
    """Given a rule that cannot be kept, when the settings are read, then the message says what to write."""
    with pytest.raises(ValidationError, match=said):
        Policy.model_validate(given)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40), st.sampled_from(["[QC]", "[AD]", "[KM]"]))
def test_a_subject_is_marked_first_and_once(subject: str, tag: str) -> None:
    """Given any subject, when it is marked, twice even, then it begins with one label and still holds its own words."""
    once = tagged(subject, tag)
    assert tagged(once, tag) == once
    assert once.endswith(subject) and any(once.lstrip().casefold().startswith(w.casefold()) for w in (tag, *LABELS))
    assert tagged(subject, "") == subject


def test_a_mark_that_the_author_wrote_is_enough() -> None:
    """Given a subject that begins with a label, in the other language or small letters, then none is put before it."""
    for subject in ("[QC] Ưu đãi", " [qc] Ưu đãi", "[AD] Offer"):
        assert tagged(subject, "[QC]") == subject
    assert tagged("Ưu đãi [QC]", "[QC]") == "[QC] Ưu đãi [QC]"  # the law asks for the first place


@pytest.mark.parametrize(
    ("state", "opt_out", "reason"),
    [
        (YES, False, None),
        (UNKNOWN, False, SkipReason.NO_CONSENT),
        (UNKNOWN, True, None),
        (NO, False, SkipReason.UNSUBSCRIBED),
        (NO, True, SkipReason.UNSUBSCRIBED),
    ],
)
def test_a_no_counts_under_every_law(state: ConsentState, opt_out: bool, reason: SkipReason | None) -> None:
    """Given what an address said of advertising, then only where no prior yes is asked for does silence do."""
    customer = replace(LAN, consent=Consent(marketing=state))
    assert skip(Pending(Kind.MARKETING, customer), NOW, opt_out=opt_out) is reason
    assert skip(Pending(Kind.TRANSACTIONAL, customer), NOW, opt_out=opt_out) is None


@pytest.mark.parametrize(
    ("state", "asks", "follows"),
    [(YES, True, True), (UNKNOWN, True, False), (NO, True, False), (YES, False, True), (UNKNOWN, False, True),
     (NO, False, False)],
)  # fmt: skip
def test_who_said_no_is_never_followed(state: ConsentState, asks: bool, follows: bool) -> None:
    """Given what an address said of being followed, then a no counts always, silence only where no yes is asked for."""
    assert may_follow(Consent(tracking=state), asks=asks) is follows


def test_a_steps_condition_is_asked_after_exits_and_of_staffs_mails_too() -> None:
    """Given a step's `when` that does not hold, then its mail is skipped for it; an exit is the stronger reason."""
    customer = replace(LAN, consent=Consent(marketing=YES))
    unmet = Pending(Kind.TRANSACTIONAL, customer, unmet="order.status == 'paid'")
    assert skip(unmet, NOW) is SkipReason.CONDITION
    assert skip(replace(unmet, exit_rule="ordered()"), NOW) is SkipReason.EXIT
    assert skip_staff(PendingStaff("mai", unmet="order.status == 'paid'"), NOW) is SkipReason.CONDITION
