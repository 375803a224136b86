"""Settings of law and courtesy: the pace of advertising, what it must say, consent, and how long things are kept."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from worker.domain.calendars.free_days import FreeDays, known_countries, read_free_days
from worker.domain.law import MarketingConsent, ProfileName, with_profile
from worker.domain.pacing import Caps, ClosedTimes, QuietHours, parse_quiet_hours
from worker.domain.setting_forms import nothing, one_or_more, short_mark, span_of_hours
from worker.domain.setting_groups import Group

_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def _topics(value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for name, titles in value.items():
        if not _TOPIC.fullmatch(name):
            raise ValueError(f"a topic is named with letters (a to z), digits, '-', '_' and '.'; '{name[:60]}' is not")
        if not titles or not all(title.strip() and "\n" not in title for title in titles.values()):
            raise ValueError(f"the topic '{name}' needs a title of one line, such as {{vi: Bản tin, en: Newsletter}}")
    return value


Topics = Annotated[dict[str, dict[str, str]], AfterValidator(_topics)]  # titles by language, by the topic's name


class Policy(Group):
    """At what pace advertising goes out; mails that follow from an order or a request are exempt."""

    profile: Annotated[ProfileName | None, BeforeValidator(nothing)] = Field(
        None, description="Whose law gives the defaults of the settings here: `vn`, `eu`, `us`; see docs/policy.md"
    )
    marketing_consent: MarketingConsent = Field(
        "opt-in", description="`opt-in`: advertising goes to those who said yes; `opt-out`: to all who did not say no"
    )
    tracking_consent: bool = Field(
        True, description="Whether opens and clicks are followed only of those who said yes to that, too"
    )
    double_opt_in: bool = Field(
        False, description="Whether a yes counts only once a mail asking for it was answered by its button"
    )
    refusal_confirmed: bool = Field(
        False, description="Whether who says no is told once, by a mail without advertising, that it counts"
    )
    subject_tag: Annotated[str, AfterValidator(short_mark)] = Field(
        "", description="Mark at the beginning of the subjects of advertising: `[QC]`; `none`: no mark"
    )
    quiet_hours: Annotated[str, AfterValidator(span_of_hours)] = Field(
        "", description="Hours of the customer's clock in which no advertising is sent: `22:00-07:00`; `none`: no such"
    )
    per_day: Annotated[int | None, BeforeValidator(nothing)] = Field(
        None,
        ge=1,
        description="Advertising mails that an address gets in 24 hours at most, over all flows; `none`: no limit",
    )
    per_week: Annotated[int | None, BeforeValidator(nothing)] = Field(None, ge=1, description="The same in 7 days")
    country: Annotated[str | None, BeforeValidator(nothing)] = Field(
        None, description="Country whose public holidays `holidays: public` means, such as VN; the profile names it"
    )
    holidays: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = Field(
        (), description="Days on which no advertising is sent: `public`, 2027-05-01, 2027-02-04 to 2027-02-10; `none`"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_profile(cls, given: Any) -> Any:
        return with_profile(given)

    @field_validator("country")
    @classmethod
    def _country(cls, value: str | None) -> str | None:
        if value is not None and value not in known_countries():
            raise ValueError("no country whose public holidays are known; write its ISO 3166 code, such as VN")
        return value

    @field_validator("holidays")
    @classmethod
    def _holidays(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "country" in info.data:  # not there where it is wrong itself
            read_free_days(value, info.data["country"])
        return value

    @property
    def quiet(self) -> QuietHours | None:
        """The quiet hours, or None where there are none."""
        return parse_quiet_hours(self.quiet_hours) if self.quiet_hours else None

    @property
    def opt_out(self) -> bool:
        """Whether advertising goes to whoever did not say no."""
        return self.marketing_consent == "opt-out"

    @property
    def free_days(self) -> FreeDays | None:
        """The days on which no advertising is sent, or None where there are none."""
        return read_free_days(self.holidays, self.country) if self.holidays else None

    @property
    def closed(self) -> ClosedTimes:
        """When no advertising is sent."""
        return ClosedTimes(self.quiet, self.free_days)

    @property
    def caps(self) -> Caps:
        """The caps."""
        return Caps(self.per_day, self.per_week)


Days = Annotated[int | None, BeforeValidator(nothing)]


class Retention(Group):
    """For how many days things are kept; `none`: for ever. The clock clears what is older each night.

    Law names no such numbers, but that nothing is kept longer than its purpose asks for (Article 5(1)(e) of Regulation
    (EU) 2016/679; Vietnam's Law 91/2025/QH15): a shop states its own. Consents and the audit log are proof, and stay.
    """

    hit_sources: Days = Field(
        90, ge=1, description="Keyed hash of the address, user agent and headers of opens and clicks; none, no recount"
    )
    event_contents: Days = Field(730, ge=1, description="What events told; that they came, and when, stays")
    traces: Days = Field(365, ge=1, description="What was seen and decided in journeys that have ended")
    refused_entries: Days = Field(90, ge=31, description="Why events started no flow; `phin why` looks back 30 days")
    mail_texts: Days = Field(
        365, ge=30, description="Subject and values of mails that went, with which a browser can show them again"
    )
    webhook_bodies: Days = Field(90, ge=1, description="What other systems were told, and what they answered")
    task_texts: Days = Field(730, ge=1, description="Title, note and remark of closed tasks, and subjects of requests")
    bounce_reports: Days = Field(90, ge=1, description="What reports of mails that came back said, and quoted")
    proofs_of_erased: Days = Field(
        1826,
        ge=1,
        description="Consents of erased people, under a keyed hash: proof as long as a claim may be brought"
        " (Article 17(3)(e) of Regulation (EU) 2016/679; five years)",
    )
