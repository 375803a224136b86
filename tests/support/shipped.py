"""The flows that Phin ships, played in a shop for tests: published as their files are, mails sent as time passes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from tests.support.shop import Shop
from worker.domain.staff import Staff
from worker.domain.tasks import Outcome
from worker.engine.tasks import Tasks
from worker.language.config.settings import read_settings
from worker.storage import customers
from worker.storage.tables import coupon, message, task

FLOWS = Path(__file__).parent.parent.parent / "flows"
CONFIG = FLOWS.parent / "config"


def own() -> dict[str, Any]:
    """Return the shop's own fields, events and topics, as `config/phin.yaml` declares them for its flows."""
    settings = read_settings(CONFIG / "phin.yaml", {})
    return {"fields": settings.fields, "events": settings.events, "topics": settings.topics}


def publish(shop: Shop, *names: str) -> None:
    """Publish shipped flows as their files are."""
    texts = {name: (FLOWS / f"{name}.yaml").read_text(encoding="utf-8") for name in names}
    shop.publish(**{name: re.sub(r"^flow: .*\n", "", text, flags=re.MULTILINE) for name, text in texts.items()})


def stage(shop: Shop, kind: str, number: str = "A1", **data: Any) -> None:
    """Report a stage of an order."""
    shop.send(kind, order={"number": number}, data=data)


def deliver(shop: Shop) -> None:
    """Send what is queued."""
    with shop.database.writing() as connection:
        queued = update(message).where(message.c.state == "queued")
        connection.execute(queued.values(state="sent", sent_at=shop.now))


def steps(shop: Shop) -> list[str]:
    """Return the steps that wrote a mail which was not taken back."""
    with shop.database.reading() as connection:
        rows = connection.execute(select(message.c.step, message.c.state).order_by(message.c.id))
        return [step for step, state in rows if state in ("queued", "sent")]


def on(shop: Shop, span: str) -> None:
    """Let time pass, with everything sent that is written."""
    deliver(shop)
    shop.wait(span)
    deliver(shop)


def given_tasks(shop: Shop) -> list[Any]:
    """Return the rows of all tasks, in order."""
    with shop.database.reading() as connection:
        return list(connection.execute(select(task).order_by(task.c.id)))


def close(shop: Shop, outcome: Outcome = Outcome.DONE) -> None:
    """Have somebody close the last task, and do what follows."""
    last = given_tasks(shop)[-1]
    handled = Tasks(shop.database, shop.settings, Staff).close(last.id, outcome, "lan", shop.now)
    assert handled.changed
    shop.process(handled.work)
    shop.reread(*handled.work.journeys)


def codes(shop: Shop) -> list[Any]:
    """Return the rows of the coupons that were given, in order."""
    with shop.database.reading() as connection:
        return list(connection.execute(select(coupon).where(coupon.c.given_at.is_not(None)).order_by(coupon.c.id)))


def tags(shop: Shop) -> set[str]:
    """Return the tags of the shop's first customer."""
    with shop.database.reading() as connection:
        return set(customers.by_id(connection, [1])[1].tags)
