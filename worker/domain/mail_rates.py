"""Open and click rates: shares of the mails that may be followed, for of the others nobody knows."""

from __future__ import annotations


class MailRates:
    """Rates of whatever counts mails that may be followed, and those of them that were opened and clicked."""

    __slots__ = ()

    followed: int
    opened: int
    clicked: int

    @property
    def open_rate(self) -> float | None:
        """Mails opened of those that may be followed (0 to 1), or None where none may."""
        return self.opened / self.followed if self.followed else None

    @property
    def click_rate(self) -> float | None:
        """Mails clicked of those that may be followed (0 to 1), or None where none may."""
        return self.clicked / self.followed if self.followed else None
