"""Settings of law and courtesy: the pace of advertising, what it must say, consent, and how long things are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from worker.domain.pacing import Caps, QuietHours, parse_quiet_hours
from worker.domain.setting_forms import span_of_hours
from worker.domain.setting_groups import Group


class Policy(Group):
    """At what pace advertising goes out; mails that follow from an order or a request are exempt."""

    quiet_hours: Annotated[str, AfterValidator(span_of_hours)] = Field(
        "", description="Hours of the customer's clock in which no advertising is sent: `22:00-07:00`; empty: none"
    )
    per_day: int | None = Field(
        None, ge=1, description="Advertising mails that an address gets in 24 hours at most, over all flows"
    )
    per_week: int | None = Field(None, ge=1, description="The same in 7 days")

    @property
    def quiet(self) -> QuietHours | None:
        """The quiet hours, or None where there are none."""
        return parse_quiet_hours(self.quiet_hours) if self.quiet_hours else None

    @property
    def caps(self) -> Caps:
        """The caps."""
        return Caps(self.per_day, self.per_week)


class Consent(Group):
    """How consent is asked for and taken back."""


class Retention(Group):
    """How long things are kept."""
