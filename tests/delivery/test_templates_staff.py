"""The shipped mails to staff: a task whole, the list of the morning, with all that can be known and with nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser

from tests.delivery.mails import SHIPPED, SHOP, FakeLinks, values
from tests.support.browser import chromium
from tests.support.legible import faults_of
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import Rendered

NOW = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)  # Monday 08:00 in Ho Chi Minh City
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TASKS = ("staff/task", "staff/reminder", "staff/overdue", "staff/escalated")
BOTH = [(name, language) for name in (*TASKS, "staff/digest") for language in ("vi", "en")]
NOTE = "Chuyện đã xảy ra: gói hàng bị móp\nHỏi khách muốn nhận hàng mới hay nhận lại tiền.\n"
NOBODY = dict.fromkeys(("note", "due_at", "order_number", "request", "customer", "from"))


@pytest.fixture(scope="module")
def library() -> TemplateLibrary:
    return TemplateLibrary(SHIPPED, SHOP)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    with chromium() as started:
        yield started


def a_task(title: str, hours: int, **other: Any) -> dict[str, Any]:
    """Return a task as templates see it, due so many hours from now."""
    due = (NOW + timedelta(hours=hours)).astimezone(ZONE)
    known = {"id": 7, "title": title, "note": NOTE, "type": "call", "priority": "high", "state": "open"}
    about = {"order_number": "TC/20418", "request": "YC-1042", "customer": "Nguyễn Thị Lan", "from": "Trần Quang Huy"}
    times = {"created_at": NOW.astimezone(ZONE), "due_at": due, "late": hours < 0}
    return {**known, **about, **times, "url": f"https://phin.example/tasks/{abs(hours)}", **other}


def of_staff(language: str, **other: Any) -> dict[str, Any]:
    """Return the values of a mail to Mai."""
    mai = {"key": "mai", "name": "Nguyễn Thị Mai", "first_name": "Mai", "email": "mai@x.example", "language": language}
    return {
        "staff": {**mai, "url": "https://phin.example/staff", "tasks_url": "https://phin.example/tasks"},
        "now": NOW,
        "today": NOW.date(),
        **other,
    }


def full(name: str, language: str) -> dict[str, Any]:
    """Return the values of a mail about which all is known."""
    if name == "staff/digest":
        late = [a_task("Giải quyết sự cố của đơn TC/20418", -20), a_task("Trả lời yêu cầu YC-1042", -3, type="email")]
        return of_staff(language, late=late, due=[a_task("Gọi lại cho Nguyễn Thị Lan", 5, priority="normal")])
    about = values(task=a_task("Giải quyết sự cố của đơn TC/20418", -3))
    about["customer"]["phone"] = "0908 123 456"
    return of_staff(language, **about)


def bare(name: str, language: str) -> dict[str, Any]:
    """Return the values of a mail about a task of nobody's, with no note and no end."""
    task = a_task("A1", 0, **NOBODY, type="todo", priority="normal", late=False)
    return of_staff(language, late=[], due=[task]) if name == "staff/digest" else of_staff(language, task=task)


def rendered(library: TemplateLibrary, name: str, values: dict[str, Any], language: str) -> Rendered:
    return library.get(name, language).render(values, FakeLinks(unsubscribe=None, plain=True))


@pytest.mark.parametrize(("name", "language"), BOTH)
@pytest.mark.parametrize("known", [full, bare])
def test_each_holds_whatever_is_known(library: TemplateLibrary, name: str, language: str, known: Any) -> None:
    """Given everything or nothing known, then the mail is whole, without gaps, inlined when it was read, and small."""
    assert library.get(name, language).parts.inlined
    mail = rendered(library, name, known(name, language), language)
    assert mail.subject
    assert len(mail.html.encode()) < 60_000
    body = re.sub(r"<style.*?</style>", "", mail.html, flags=re.DOTALL)
    for part in (mail.subject, mail.preheader, mail.text, body):
        assert not re.search(r"None|undefined|\{\{|\}\}|: *,| ,", part)
    for line in (mail.subject, mail.preheader, *mail.text.splitlines()):
        assert line == line.strip(" ·")


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize(("language", "due"), [("vi", "05:00, Thứ Hai, 1/3"), ("en", "Monday 1 March, 5:00 AM")])
def test_a_task_tells_what_to_do_for_whom_by_when(library: TemplateLibrary, name: str, language: str, due: str) -> None:
    """Given a task, then both parts have its title, end, customer, order, request, note line by line, and its link."""
    mail = rendered(library, name, full(name, language), language)
    assert "Giải quyết sự cố của đơn TC/20418" in mail.subject
    amount = "535.000 ₫" if language == "vi" else "₫535,000"
    for said in (due, "Nguyễn Thị Lan", "0908 123 456", "lan@example.com", f"TC/20418 · {amount}", "YC-1042"):
        assert said in mail.text
    assert "gói hàng bị móp\n\nHỏi khách" in mail.text
    assert 'href="tel:0908123456"' in mail.html
    assert "https://phin.example/tasks/3" in mail.text


@pytest.mark.parametrize(
    ("late", "due", "subject"),
    [
        (2, 1, "Việc hôm nay: 1 đến hạn, 2 quá hạn"),
        (0, 3, "Việc hôm nay: 3 đến hạn"),
        (1, 0, "Việc hôm nay: 1 quá hạn"),
    ],
)
def test_the_morning_has_one_button_a_task(library: TemplateLibrary, late: int, due: int, subject: str) -> None:
    """Given what is late and what is due, then the subject counts both, and each task has its own link."""
    given = {
        "late": [a_task(f"L{n}", -n - 1) for n in range(late)],
        "due": [a_task(f"D{n}", n + 5) for n in range(due)],
    }
    mail = rendered(library, "staff/digest", of_staff("vi", **given), "vi")
    assert mail.subject == subject
    assert mail.text.count("Mở: https://phin.example/tasks/") == late + due
    assert ("Đã quá hạn" in mail.text) == bool(late)
    assert ("Đến hạn hôm nay" in mail.text) == bool(due)


@pytest.mark.browser
@pytest.mark.parametrize(("name", "language"), BOTH)
def test_they_hold_together_in_a_browser(library: TemplateLibrary, browser: Browser, name: str, language: str) -> None:
    """Given phone and desktop, light and dark, then nothing runs over, all text is read easily, buttons are touched."""
    assert faults_of(browser, rendered(library, name, full(name, language), language).html) == []
