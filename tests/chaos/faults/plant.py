"""A small shop for faults: orders that are confirmed at once and thanked for two hours later, by real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from tests.chaos.house import KEY, RunningHouse
from worker.storage.database import Database
from worker.storage.tables import event, hit, message

LONG = os.environ.get("PHIN_CHAOS") == "long"
ORDER, THANKS = "order-taken", "order-thanks"
_SETTINGS = """\
shop:
  name: The Coffee
  address: 12 Lý Tự Trọng, Phường Sài Gòn
  website: https://the-coffee.example
  language: vi
  languages: [vi]
  timezone: Asia/Ho_Chi_Minh
  sender: {name: The Coffee, email: xin-chao@the-coffee.example}
"""
FLOWS = {
    "order": f"""\
kind: transactional
trigger: purchase
once: per order
steps:
  - send: {ORDER}
  - wait: 2 hours
  - send: {THANKS}
""",
}
_LETTER = """\
---
subject: "{name}: {{{{ shop.name }}}}"
---
<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{{{{ message.subject }}}}</title></head><body>
<p>Chào bạn,</p><p><a href="{{{{ shop.website }}}}/don-hang">Xem đơn hàng</a></p>
<p>{{{{ shop.name }}}} · {{{{ shop.address }}}}
{{% if unsubscribe_url %}}<a href="{{{{ unsubscribe_url }}}}">Ngừng nhận thư</a>{{% endif %}}</p></body></html>
"""


def make_home(folder: Path, flows: dict[str, str] | None = None, templates: Sequence[str] = (ORDER, THANKS)) -> Path:
    """Write the shop's settings, flows and templates."""
    for name in ("config", "flows", "templates", "var"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config" / "phin.yaml").write_text(_SETTINGS, encoding="utf-8")
    for name, text in (flows or FLOWS).items():
        (folder / "flows" / f"{name}.yaml").write_text(f"flow: {name}\n{text}", encoding="utf-8")
    for name in templates:
        (folder / "templates" / f"{name}.vi.html").write_text(_LETTER.format(name=name), encoding="utf-8")
    return folder


def purchase(number: int, name: str = "Lan") -> dict[str, Any]:
    """Return a purchase by a customer of its own."""
    who = {"id": f"c{number}", "email": f"khach{number}@example.com", "name": name}
    return {
        "id": f"p{number}",
        "type": "purchase",
        "customer": who | {"consent": {"tracking": True, "source": "checkout"}},
        "order": {"number": f"A{number}", "total": 450_000},
    }


def report(house: RunningHouse, events: Iterable[dict[str, Any]], timeout: float = 60.0) -> httpx.Response:
    """Send events, as a shop does; returns the answer, whatever it is."""
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(f"{house.url}/v1/events", json=list(events), headers=headers, timeout=timeout)


def messages(database: Database) -> Counter[tuple[str, str]]:
    """Count the messages by template and state."""
    with database.reading() as connection:
        return Counter((row.template, row.state) for row in connection.execute(select(message)))


def events(database: Database) -> Counter[str]:
    """Count the events by state."""
    with database.reading() as connection:
        return Counter(connection.execute(select(event.c.state)).scalars().all())


def hits(database: Database) -> int:
    """Count the opens and clicks."""
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(hit)).scalar_one())


def phin(house: RunningHouse, *arguments: str, within: float = 90.0) -> subprocess.CompletedProcess[str]:
    """Run a command of Phin in the house."""
    command = [sys.executable, "-m", "worker.edges.cli", *arguments]
    environment = {**house.environment, "COLUMNS": "120"}
    return subprocess.run(
        command, cwd=house.home, env=environment, capture_output=True, text=True, check=False, timeout=within
    )


def why(house: RunningHouse, customer: str) -> str:
    """Return what `phin why` tells of one customer."""
    told = phin(house, "why", customer)
    assert told.returncode == 0, told.stderr
    return told.stdout


def answer(response: httpx.Response) -> dict[str, Any]:
    """Return the answer's JSON."""
    found: dict[str, Any] = json.loads(response.content)
    return found
