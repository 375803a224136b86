"""The pace of advertising in a backtest: some hours and days have a mail wait, a cap has it left out, as in delivery.

Priorities are not played: of the other flows only what they really sent is known.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from worker.domain.messages import Kind
from worker.domain.pacing import Advertising, Caps, ClosedTimes, Waits, paced
from worker.domain.setting_law import Policy
from worker.storage.past import PastMail


class Pace:
    """What one customer gets of advertising, the mails that other flows really sent counted in.

    Parameters:
        really_sent: the customer's mails of the past.
        flow: that is played, of which the mails of the past do not count.
    """

    def __init__(self, policy: Policy, really_sent: list[PastMail], flow: str) -> None:
        self._closed: ClosedTimes = policy.closed
        self._caps: Caps = policy.caps
        self.opt_out = policy.opt_out
        marketing = Kind.MARKETING.value
        self._went = [one.sent_at for one in really_sent if one.kind == marketing and one.flow != flow]

    def held(self, now: datetime, expires_at: datetime | None, zone: ZoneInfo) -> datetime | str | None:
        """Return until when an advertising mail waits, or why it does not go, or None: it goes.

        Parameters:
            zone: the customer's, or the shop's.
        """
        mail = Advertising(expires_at, zone, (at for at in self._went if at <= now))
        held = paced(mail, self._closed, self._caps, now)
        return held.until if isinstance(held, Waits) else held

    def sent(self, now: datetime) -> None:
        """Count an advertising mail."""
        if self._caps.back is not None:
            self._went = [at for at in self._went if at > now - self._caps.back]
            self._went.append(now)
