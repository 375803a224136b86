"""Why a mail was not sent, in words of both languages on the pages, in the ledger's own by `phin why` and report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.shop_folder import bare_house, phin, take_events
from worker.domain.policy import SkipReason
from worker.domain.settings import Settings
from worker.edges.jobs import Job, ids_of
from worker.edges.telling_mails import mail_parts
from worker.edges.web.texts_reasons import WAITING, reason_in
from worker.storage.due import due_work
from worker.storage.story_mails import MailStory

NOON = datetime(2027, 3, 1, 5, 0, tzinfo=UTC)
LONGER = {
    SkipReason.EXPIRED: "expired: on a holiday",
    SkipReason.CAP: "cap: 3 in 24 hours",
    SkipReason.EXIT: "exit: ordered()",
    SkipReason.CONDITION: 'condition: order.status != "cancelled"',
}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_each_reason_is_said_in_words(language: str) -> None:
    """Given each reason that rules give, alone or with which cap, exit or condition it was, then the pages have words
    for it in the language; the words of an exit and of a condition hold its text."""
    reasons = [*SkipReason, *WAITING, "cap: kept for a mail of higher priority", *LONGER.values()]
    told = {str(reason): reason_in(str(reason), language) for reason in reasons}
    alone = {SkipReason.CONDITION.value}  # which never stands without its text
    assert not [reason for reason, words in told.items() if words == reason and reason not in alone]
    assert "ordered()" in told[LONGER[SkipReason.EXIT]]
    assert 'order.status != "cancelled"' in told[LONGER[SkipReason.CONDITION]]
    assert told["cap: kept for a mail of higher priority"] != told[LONGER[SkipReason.CAP]]


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("queued", "quiet hours", "goes out from"),
        ("queued", "holiday", "(holiday)"),
        ("queued", "priority", "(priority)"),
        ("skipped", "condition: order.total > 1", "skipped: condition: order.total > 1"),
    ],
)
def test_why_tells_until_when_and_why_a_mail_waits(state: str, reason: str, said: str) -> None:
    """Given a mail that waits or was left out, then `phin why` has the reason, and of one that waits the time."""
    until = NOON + timedelta(hours=2)
    mail = MailStory(1, "hello", "hello", state, reason, NOON, None, until, None, None, ())
    shop = Settings().shop
    words = "".join(text for text, _ in mail_parts(mail, shop, ZoneInfo(shop.timezone), NOON))
    assert said in words and reason in words


def test_a_skipped_mail_is_told_by_why_and_report(tmp_path: Path) -> None:
    """Given a mail whose condition did not hold, when `phin why` and `phin report` are asked, then both say which."""
    template = '---\nsubject: "Hi"\n---\n<html><body><p>Hi</p></body></html>\n'
    asking = "send: hello\n    when: customer.orders_count >= 2"
    house = bare_house(tmp_path, first=f"kind: transactional\ntrigger: purchase\nsteps:\n  - {asking}\n")
    (tmp_path / "templates" / "hello.vi.html").write_text(template)
    assert phin(tmp_path, "publish").returncode == 0
    lan = {"id": "c1", "email": "lan@example.com"}
    take_events(house, {"id": "e1", "type": "purchase", "customer": lan, "order": {"number": "A1", "total": 1}})
    for job in (Job.STEP_JOURNEYS, Job.SEND_MESSAGES):
        with house.database.reading() as connection:
            due = due_work(connection, house.flowbook.follow(connection), house.clock.now(), 10)
        if ids := ids_of(due)[job]:
            house.runners[job](ids)
    why = phin(tmp_path, "why", "c1")
    assert "condition: customer.orders_count >= 2" in why.stdout, why.stdout + why.stderr
    told = json.loads(phin(tmp_path, "report", "--json").stdout)
    assert {"condition: customer.orders_count >= 2": 1} in [one["skipped"] for one in told["flows"]]
