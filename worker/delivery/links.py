"""The addresses in one mail that lead back to Phin: redirects, the pixel, and the mail's own pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache

from worker.delivery.formats import FormatError
from worker.delivery.targets import TargetError, target_of
from worker.delivery.tokens import Tokens, Use
from worker.domain.hits import HONEYPOT
from worker.domain.setting_surveys import Survey

CLICK_PATH = "/c/"
OPEN_PATH = "/o/"
OPEN_SUFFIX = ".gif"
UNSUBSCRIBE_PATH = "/u/"
PREFERENCES_PATH = "/p/"
CONFIRM_PATH = "/y/"
VIEW_PATH = "/v/"
SURVEY_PATH = "/a/"
TASK_PATH = "/t/"
STAFF_PATH = "/s/"

_PAGES = {
    "preferences_url": (Use.PREFERENCES, PREFERENCES_PATH),
    "confirm_url": (Use.CONFIRM, CONFIRM_PATH),
    "view_url": (Use.VIEW, VIEW_PATH),
}
_NAMES = ("unsubscribe_url", *_PAGES)


def task_url(tokens: Tokens, base: str, task: int, person: str) -> str:
    """Return the address of a task's page for one staff member.

    Parameters:
        base: address of Phin's web process, without a slash at the end.
        task: number of the task's row.
        person: the staff member's key in `config/staff.yaml`.
    """
    return f"{base}{TASK_PATH}{tokens.task(task, person)}"


def staff_url(tokens: Tokens, base: str, person: str, now: datetime, to: str | None = None) -> str:
    """Return the address that signs a staff member in to the pages; it says that it was issued now.

    Parameters:
        to: word of the page to go on to (`tasks`); the first page without it.
    """
    return f"{base}{STAFF_PATH}{tokens.staff(person, now)}{f'?to={to}' if to else ''}"


def bait_of(website: str) -> str | None:
    """Return where a honeypot leads, or None where no redirect may lead to the shop's website."""
    return _target(website)


@lru_cache(maxsize=1_024)  # a campaign's mails share theirs
def _target(url: str) -> str | None:
    """Return where a redirect leads, or None where it may not lead there."""
    try:
        return target_of(url)
    except TargetError:
        return None


class MessageLinks:
    """Makes the addresses of one message (the `Links` of `worker.delivery.templates.links`).

    Parameters:
        base: address of Phin's web process as customers see it, without a slash at the end.
        message: number of the message's row.
        tracking: whether the address has agreed to tracking; without it links stay plain and there is no pixel.
        refusable: whether the mail carries a way to say no to more (marketing does).
        mark: adds to a link's address what the shop's web statistics are told; by default nothing.
        bait: where the honeypot leads, for a person who finds it; None for a mail without one.
        surveys: the shop's, which alone may be asked; None: any name will do.
        viewable: whether it can be looked at in a browser (a mail to staff cannot, nor one that is there already).
    """

    __slots__ = (
        "_bait",
        "_base",
        "_mark",
        "_message",
        "_refusable",
        "_refusal",
        "_surveys",
        "_tokens",
        "_tracking",
        "_viewable",
    )

    def __init__(
        self,
        tokens: Tokens,
        base: str,
        message: int,
        *,
        tracking: bool,
        refusable: bool,
        mark: Callable[[str], str] | None = None,
        bait: str | None = None,
        viewable: bool = True,
        surveys: Mapping[str, Survey] | None = None,
    ) -> None:
        self._tokens = tokens
        self._base = base
        self._message = message
        self._tracking = tracking
        self._refusable = refusable
        self._refusal: str | None = None
        self._mark = mark
        self._bait = bait
        self._viewable = viewable
        self._surveys = surveys

    def tracked(self, number: int, url: str) -> str:
        """Return the address that leads to the url and counts, or the url itself where nothing is tracked.

        An address to which no redirect may lead (`worker.delivery.targets`) stays as it is: the mail goes out, and
        that link is not counted.
        """
        if self._mark is not None:
            url = self._mark(url)
        if not self._tracking:
            return url
        target = _target(url)
        if target is None:
            return url
        return f"{self._base}{CLICK_PATH}{self._tokens.click(self._message, number, target)}"

    @property
    def pixel(self) -> str | None:
        """Address of the pixel, or None for a mail without one."""
        if not self._tracking:
            return None
        return f"{self._base}{OPEN_PATH}{self._tokens.open(self._message)}{OPEN_SUFFIX}"

    @property
    def honeypot(self) -> str | None:
        """Address that only machines find and follow, or None for a mail without one."""
        if not self._tracking or self._bait is None:
            return None
        return f"{self._base}{CLICK_PATH}{self._tokens.click(self._message, HONEYPOT, self._bait)}"

    @property
    def unsubscribe(self) -> str | None:
        """Address of the page for unsubscribing, or None for a mail without one."""
        if self._refusable and self._refusal is None:  # it stands in the mail and in its header
            self._refusal = f"{self._base}{UNSUBSCRIBE_PATH}{self._tokens.unsubscribe(self._message)}"
        return self._refusal

    def survey(self, name: str, mark: int | None = None) -> str:
        """Return the address of the page on which the reader answers, with a mark chosen or with none.

        Raises:
            FormatError: there is no such survey, or no such mark on its scale.
        """
        if self._surveys is not None:
            known = self._surveys.get(name)
            if known is None:
                there = ", ".join(sorted(self._surveys)) or "none"
                raise FormatError(f"there is no survey '{name}' under 'surveys' in config/phin.yaml; there are {there}")
            if mark is not None and mark not in known.scale.marks:
                first, last = known.scale.marks[0], known.scale.marks[-1]
                raise FormatError(f"the survey '{name}' takes marks from {first} to {last}, not {mark}")
        return f"{self._base}{SURVEY_PATH}{self._tokens.survey(self._message, name, mark)}"

    @property
    def pages(self) -> Mapping[str, str | None]:
        """Addresses of the mail's own pages, by the names that templates use; each is made when it is asked for."""
        return _Pages(self._page)

    def _page(self, name: str) -> str | None:
        if name == "unsubscribe_url":
            return self.unsubscribe
        use, path = _PAGES[name]
        if use is Use.VIEW and not self._viewable:
            return None
        return f"{self._base}{path}{self._tokens.page(use, self._message)}"


class _Pages(Mapping[str, str | None]):
    """The own pages of a mail by name: none is signed that no template shows."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[str], str | None]) -> None:
        self._make = make

    def __getitem__(self, name: str) -> str | None:
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)
