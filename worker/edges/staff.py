"""The shop's staff as this machine has it: the file that is followed, and where its last good text is kept."""

from __future__ import annotations

from worker.edges.banner import Line, near
from worker.edges.environment import Home
from worker.edges.var import STAFF_KEPT
from worker.language.config.staff import FILE, StaffFile
from worker.language.yaml.diagnostics import counted


def followed_staff(home: Home, *, quiet: bool = False) -> StaffFile:
    """Return the staff of a shop, followed as the file changes.

    Parameters:
        quiet: whether the log is left without what is wrong with the file.
    """
    path = home.config / FILE
    return StaffFile(path, home.settings.shop, near(path), home.settings.var / STAFF_KEPT, quiet=quiet)


def staff_line(file: StaffFile) -> Line:
    """Return the banner's line: how many people and roles there are, or what is wrong with the file."""
    staff, problems = file(), file.problems()
    people = f"{len(staff.people)} {'person' if len(staff.people) == 1 else 'people'}"
    there = f"{people}, {counted(len(staff.roles), 'role')}"
    if problems:
        first = problems[0]
        at_work = "nobody is known" if staff.lost else f"the last good one is at work: {there}"
        return Line("staff", f"{first.place}: {first.message}", "", f"({at_work}; phin check tells more)", good=False)
    if not staff.people:
        return Line("staff", "nobody", "", f"you are the owner; people stand in config/{FILE}")
    return Line("staff", there)
