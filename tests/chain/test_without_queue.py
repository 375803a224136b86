"""With the queue gone for good everything still goes out, only later."""

from __future__ import annotations

from pathlib import Path

from tests.chain.test_chain import LAN
from tests.support.phin_up import make_home, phin_up
from tests.support.processes import wait_until
from tests.support.smtp_sink import SmtpSink
from tests.support.visitor import Visitor, purchase


def test_the_sweep_alone_does_all_the_work(tmp_path: Path, database_url: str) -> None:
    """Given a queue server that never answers, when events come in, then mails, hits and steps are all done."""
    with SmtpSink() as sink:
        settings = {
            "PHIN_DATABASE_URL": database_url,
            "PHIN_SMTP_URL": sink.url,
            "PHIN_REDIS_URL": "redis://127.0.0.1:1/0",
        }
        with phin_up(make_home(tmp_path), **settings) as up:
            visitor = Visitor(up, **settings)
            people = [LAN | {"id": f"c{i}", "email": f"c{i}@example.com"} for i in range(20)]
            visitor.report(*(purchase(f"p{i}", f"A{i}", person) for i, person in enumerate(people)))
            wait_until(lambda: len(sink.mails) == 20, "all confirmations arrive", timeout=60)
            assert len(set(sink.message_ids)) == 20
            wait_until(lambda: _waiting(visitor) == 20, "the other flow's journeys wait")


def _waiting(visitor: Visitor) -> int:
    story = visitor.phin("report", "--json")
    return story.count('"waiting": 20') * 20
