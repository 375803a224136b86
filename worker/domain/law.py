"""Legal profiles: what each rule of sending is for shops in Viet Nam, the European Union and the United States.

A profile gives defaults; each rule is a setting of its own that overrides it (`docs/policy.md` has them in a table).
These are defaults for a shop to begin with, not advice of a lawyer; what was not read at its source says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

ProfileName = Literal["vn", "eu", "us"]
MarketingConsent = Literal["opt-in", "opt-out"]

# Decree 91/2020/ND-CP: article 13 has the prior yes, the end at once upon a refusal, and three mails to an address in
# 24 hours; article 18 (check) the label first in the subject; article 20 (check) one confirmation of a refusal. Its
# hours, 7 to 22, bind text messages; for mails they are a courtesy. Personal Data Protection Law 91/2025/QH15 and
# Decree 356/2025: a consent for each purpose, tracking one of its own.
_VN: Mapping[str, Any] = MappingProxyType(
    {
        "marketing_consent": "opt-in",
        "tracking_consent": True,
        "double_opt_in": False,
        "subject_tag": "[QC]",
        "refusal_confirmed": True,
        "quiet_hours": "22:00-07:00",
        "per_day": 3,
        "country": "VN",
    }
)
# Directive 2002/58/EC: article 13(1) has the prior yes, article 5(3) that for what a mail reads from the device. GDPR:
# article 7(1) has the proof, which a mail that was answered gives (double opt-in: practice of the supervisory
# authorities, in no article).
_EU: Mapping[str, Any] = MappingProxyType(
    {
        "marketing_consent": "opt-in",
        "tracking_consent": True,
        "double_opt_in": True,
        "subject_tag": "",
        "refusal_confirmed": False,
    }
)
# CAN-SPAM Act, 15 U.S.C. 7704(a): no prior yes, but a no counts; 16 CFR 316 has nothing more to confirm. It asks for no
# tag in the subject (that of 16 CFR 316.4 is for sexually explicit mails alone).
_US: Mapping[str, Any] = MappingProxyType(
    {
        "marketing_consent": "opt-out",
        "tracking_consent": False,
        "double_opt_in": False,
        "subject_tag": "",
        "refusal_confirmed": False,
        "country": "US",
    }
)
PROFILES: Mapping[str, Mapping[str, Any]] = MappingProxyType({"vn": _VN, "eu": _EU, "us": _US})


LABELS = ("[QC]", "[AD]")  # that the decree knows, the Vietnamese and the English one (article 18, check)


@lru_cache(maxsize=256)  # most of a campaign's mails share theirs
def tagged(subject: str, tag: str) -> str:
    """Return the subject of an advertising mail with the shop's mark first; unchanged where it begins with one already.

    Parameters:
        tag: `policy.subject_tag`; empty: no mark.
    """
    begins = subject.lstrip().casefold()
    if not tag or any(begins.startswith(known.casefold()) for known in (tag, *LABELS)):
        return subject
    return f"{tag} {subject}"


def with_profile(given: Any) -> Any:
    """Return the settings of `policy` as they were written, with those of their profile where nothing is written.

    What cannot be a profile is left for the model to refuse.
    """
    if not isinstance(given, Mapping):
        return given
    profile = given.get("profile")
    known = PROFILES.get(profile) if isinstance(profile, str) else None
    return given if known is None else {**known, **given}
