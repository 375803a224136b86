"""`config/staff.yaml`: people, roles, hours and days off; every fault at once; the file followed as it changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
import structlog.testing

from worker.domain.errors import FileError
from worker.domain.setting_groups import Shop
from worker.domain.staff import DaysOff, Hours, Staff, next_working_moment
from worker.language.config import staff as staff_module
from worker.language.config.staff import StaffFile, read_staff, words_of
from worker.language.yaml.files import load_text

SHIPPED = Path(__file__).parents[2] / "config" / "staff.yaml"
SMALL = "people:\n  mai: {name: Mai, email: Mai@Example.com}\nroles: {care: mai}\n"


def _read(tmp_path: Path, text: str) -> Staff:
    path = tmp_path / "staff.yaml"
    path.write_text(text, encoding="utf-8")
    return read_staff(path, "config/staff.yaml", Shop())


def test_the_shipped_file_is_sound() -> None:
    """Given the file that is shipped, then it has people, roles, hours with a break, and the country's holidays."""
    staff = read_staff(SHIPPED, "config/staff.yaml", Shop())
    assert staff.roles == {"care": ("mai", "huy"), "manager": ("linh",)}
    mai = staff.people["mai"]
    assert mai.hours_on(date(2027, 3, 1)) == (Hours(time(8, 30), time(12)), Hours(time(13, 30), time(17, 30)))
    assert mai.hours_on(date(2027, 4, 30)) == ()  # Reunification Day, a Friday
    assert staff.people["linh"].week[0] == (Hours(time(9), time(18)),)


def test_usual_hours_and_the_shops_language(tmp_path: Path) -> None:
    """Given a person with a name and an address, then the shop's zone and language and usual hours are theirs."""
    staff = _read(tmp_path, SMALL)
    mai = staff.people["mai"]
    assert (mai.email, mai.language, mai.timezone) == ("mai@example.com", "vi", "Asia/Ho_Chi_Minh")
    assert next_working_moment(mai, datetime(2027, 2, 27, 7, 0, tzinfo=UTC)) == datetime(2027, 3, 1, 1, 30, tzinfo=UTC)
    assert words_of(staff) == {"mai", "care", "everyone"}
    assert staff.digest_at == time(8)


def test_days_off_of_shop_and_person_add_up(tmp_path: Path) -> None:
    """Given days off of the shop and of a person, then both are theirs."""
    text = "days_off: 2027-09-02\npeople:\n  mai: {name: M, email: m@x.vn, days_off: [2027-02-04 to 2027-02-10]}\n"
    mai = _read(tmp_path, text).people["mai"]
    assert set(mai.days_off) == {
        DaysOff(date(2027, 9, 2), date(2027, 9, 2)),
        DaysOff(date(2027, 2, 4), date(2027, 2, 10)),
    }


def test_a_shop_without_the_file_has_nobody(tmp_path: Path) -> None:
    """Given no file, then there is no staff, and nothing is wrong."""
    assert read_staff(tmp_path / "none.yaml", "x", Shop()) == Staff()


FAULTS = {
    "roles: {care: []}": "the role 'care' has nobody in it; whoever a task goes to has to be somebody",
    "roles:\n  care:": "the role 'care' has nobody in it",
    "roles: {care: [mia]}": "there is no person 'mia' under 'people'; did you mean 'mai'?",
    "roles: {care: [mai, mai]}": "'mai' is in the role 'care' twice",
    "roles: {mai: [mai]}": "'mai' is a person already; a role has a name of its own",
    "hours: {mon-fr: '08:30-17:30'}": "'fr' is no weekday; did you mean 'fri'?",
    "hours: {fri-mon: '08:30-17:30'}": "'fri-mon' ends before it begins; a week begins on mon",
    "hours: {mon: '17:30-08:30'}": "'17:30-08:30' ends before it begins; work over midnight is two ranges, on two days",
    "hours: {mon: ['08:00-12:00', '11:00-13:00']}": "'11:00-13:00' overlaps with other hours of the same day",
    "hours: {mon: 8h}": "'8h' is no range of hours; for example \"08:30-17:30\"",
    "hours: {mon-fri: '08:00-12:00', mon: '13:00-14:00'}": "the hours of 'mon' are given twice",
    "days_off: [2027-02-30]": "'2027-02-30' is no day and no days off",
    "days_off: [2027-02-10 to 2027-02-04]": "'2027-02-10 to 2027-02-04' ends before it begins",
    "days_off: [2027-02-10 to 2029-02-04]": "is longer than a year",
    "holidays: XX": "'XX' is no country whose public holidays are known",
    "digest: 25:00": "'25:00' is no time of day",
    "diggest: 08:00": "unknown key 'diggest' in the staff; did you mean 'digest'?",
}


@pytest.mark.parametrize("line", FAULTS)
def test_each_fault_is_told(tmp_path: Path, line: str) -> None:
    """Given a fault in the file, then it is told once, with what to write instead."""
    with pytest.raises(FileError) as caught:
        _read(tmp_path, f"people:\n  mai: {{name: Mai, email: mai@x.vn}}\n{line}\n")
    (problem,) = caught.value.problems
    assert FAULTS[line] in (f"{problem.message}; {problem.hint}" if problem.hint else problem.message)
    assert problem.place.line >= 3


def test_all_faults_of_people_at_once(tmp_path: Path) -> None:
    """Given people with several faults, then all are told."""
    people = "people:\n  mai: {name: Mai, email: mai}\n  phin: {email: p@x.vn, timezone: Asia/Saigonn, language: fr}\n"
    with pytest.raises(FileError) as caught:
        _read(tmp_path, people)
    assert len(caught.value.problems) == 5


def test_the_file_is_followed_and_a_broken_edit_changes_nothing(tmp_path: Path) -> None:
    """Given a running Phin, when the file is edited, broken and mended, then the last good staff is at work."""
    path = tmp_path / "staff.yaml"
    staff = StaffFile(path, Shop())
    assert (staff().people, staff.words()) == ({}, frozenset())
    path.write_text(SMALL)
    assert list(staff().people) == ["mai"]
    path.write_text("people: [")
    os.utime(path, ns=(1, 1))
    assert (list(staff().people), staff.words()) == (["mai"], None)
    path.write_text("people:\n  huy: {name: Huy, email: huy@example.com}\n")
    assert list(staff().people) == ["huy"]


class _Slow:
    """Reads the staff, and keeps everybody waiting the first time until it is told to go on."""

    def __init__(self, read: Callable[[Path, str], str]) -> None:
        self._read = read
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, path: Path, shown: str) -> str:
        self.begun.set()
        assert self.may_go_on.wait(20)
        return self._read(path, shown)


def test_who_asks_while_the_file_is_read_gets_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a thread that is reading the file, when others ask, then they wait for the staff and get no old one."""
    path = tmp_path / "staff.yaml"
    path.write_text(SMALL)
    slow = _Slow(load_text)
    monkeypatch.setattr(staff_module, "load_text", slow)
    staff = StaffFile(path, Shop())
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(staff)
        assert slow.begun.wait(20)
        others = [pool.submit(staff), pool.submit(staff)]
        words = pool.submit(staff.words)
        early = [one.done() for one in others]
        slow.may_go_on.set()
        assert [list(one.result(20).people) for one in (first, *others)] == [["mai"]] * 3
        assert words.result(20) == frozenset({"mai", "care", "everyone"})
    assert early == [False, False]


def test_a_failure_that_is_none_of_the_file_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given reading that failed for another reason, when the staff is asked for again, then the file is read."""
    path = tmp_path / "staff.yaml"
    path.write_text(SMALL)
    staff = StaffFile(path, Shop())

    def fail(*_: object) -> str:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(staff_module, "load_text", fail)
        with pytest.raises(MemoryError):
            staff()
    assert list(staff().people) == ["mai"]


BROKEN = "people:\n  mai: {name: Mai, email: mai@example.com}\nroles: {care: [mia]}\n"


def test_a_start_with_a_broken_file_has_the_people_of_the_last_good_one(
    tmp_path: Path,
) -> None:
    """Given a file that was good, when it breaks and Phin starts anew, then its people are there, and it is told."""
    path, kept = tmp_path / "staff.yaml", tmp_path / "var.yaml"
    path.write_text(SMALL)
    assert StaffFile(path, Shop(), "config/staff.yaml", kept)().roles == {"care": ("mai",)}
    path.write_text(BROKEN)
    again = StaffFile(path, Shop(), "config/staff.yaml", kept)
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            assert (again().roles, again().lost, again.words()) == ({"care": ("mai",)}, False, None)
    (line,) = logged
    assert "config/staff.yaml:3:" in line["event"] and "^^^" in line["event"] and "did you mean 'mai'" in line["event"]
    assert [one.place.line for one in again.problems()] == [3]
    path.write_text(SMALL)
    assert (again.problems(), again.words()) == ((), frozenset({"mai", "care", "everyone"}))


def test_with_a_broken_file_and_none_before_it_is_not_known_who_there_is(tmp_path: Path) -> None:
    """Given a file that was never good, then the staff is lost, which is another thing than a shop without staff."""
    path, kept = tmp_path / "staff.yaml", tmp_path / "var.yaml"
    staff = StaffFile(path, Shop(), kept=kept, quiet=True)
    assert not staff().lost
    path.write_text(BROKEN)
    assert (staff().lost, dict(staff().people)) == (True, {})
    assert not kept.exists()
    path.unlink()
    assert not staff().lost
