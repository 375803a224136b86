"""What `phin why` tells of journeys moved to another version, of webhooks, and of mails to staff."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.support.receiver import Received, receiver
from tests.support.shop import Shop, ShopTimes
from tests.support.staffed import StaffedShop
from worker.delivery.webhooks import Webhooks
from worker.domain.webhooks import TRIES
from worker.edges.telling import tell
from worker.engine.migrating import Migrating
from worker.storage import customers, stories
from worker.storage.database import Database
from worker.storage.tables import message

REVIEW = "trigger: signup\nsteps: [{send: hello}, {wait: 7 days, name: pause}, {send: review}]"


def told(shop: Shop) -> list[str]:
    """Return the lines of Lan's story."""
    with shop.database.reading() as connection:
        (customer,) = customers.find(connection, "c1")
        story = stories.story(connection, customer, {})
    return ["".join(part for part, _ in line) for line in tell(story, shop.settings.shop, shop.now)]


def line_of(shop: Shop, word: str) -> str:
    """Return what the one line with this word tells after it."""
    (found,) = [line.split(word, 1)[1].strip() for line in told(shop) if f"  {word} " in line]
    return found


def migrate(shop: Shop, **given: str) -> None:
    migrating = Migrating(shop.database, shop.settings, "f", given)
    assert sum(migrating.run(migrating.plan(shop.now), lambda: shop.now)) == 1


@pytest.fixture
def shop(database: Database) -> Shop:
    made = Shop(database)
    made.publish(f=REVIEW)
    made.send("signup")
    return made


def test_a_wait_that_is_another_is_told_with_its_new_end(shop: Shop) -> None:
    """Given a wait of seven days made one of four, when the journey is moved, then the first line no longer says that
    it waits, and the line of the move says where it stands and until when."""
    assert line_of(shop, "pause") == "waits until Mon 8 Mar 2027 14:00"
    shop.now += timedelta(days=1)
    shop.publish(f=REVIEW.replace("7 days", "4 days, until: customer.orders_count > 0"))
    migrate(shop)
    assert line_of(shop, "pause") == "was to wait until Mon 8 Mar 2027 14:00"
    moved = "v1 → v2: at pause, waits until Fri 5 Mar 2027 14:00, or until customer.orders_count > 0"
    assert line_of(shop, "migrated") == moved


def test_a_wait_that_stays_is_told_as_it_was(shop: Shop) -> None:
    """Given a wait that is the same in the new version, when the journey is moved, then both lines say its time."""
    shop.publish(f=REVIEW.replace("review}", "review}, {send: bye}"))
    migrate(shop)
    assert line_of(shop, "pause") == "waits until Mon 8 Mar 2027 14:00"
    assert line_of(shop, "migrated") == "v1 → v2: at pause, waits until Mon 8 Mar 2027 14:00"


def test_of_several_moves_the_last_holds(shop: Shop) -> None:
    """Given a journey moved to another wait and then past its end, then only the last line says what holds."""
    shop.publish(f=REVIEW.replace("7 days, name: pause", "9 days, name: rest"))
    migrate(shop, pause="rest")
    shop.now += timedelta(days=2)
    shop.publish(f=REVIEW.replace("7 days, name: pause", "1 day, name: rest"))
    migrate(shop)
    lines = [line for line in told(shop) if "wait" in line or "migrated" in line]
    assert [line.split("  ", 2)[2].split(None, 1)[1].split(" Mar")[0] for line in lines] == [
        "was to wait until Mon 8",
        "v1 → v2, from 'pause': at rest, was to wait until Wed 10",
        "v2 → v3: at rest, where its time is over: Tue 2",
    ]


@pytest.fixture
def got() -> Iterator[Received]:
    with receiver() as received:
        yield received


def test_a_webhook_is_told_with_its_address_and_its_tries(database: Database, got: Received) -> None:
    """Given a webhook, when it was refused once and then taken, then each stage says what became of it."""
    shop = Shop(database)
    shop.publish(f=f"trigger: purchase\nsteps: [{{webhook: '{got.url}', name: crm}}]")
    shop.buy("A1")
    assert line_of(shop, "crm") == f"to {got.url}: not told yet"
    got.statuses = [500, 200]
    telling = Webhooks(database, shop.flowbook, (bytes(32),), ShopTimes(shop), allow_private=True, timeout=2.0)
    telling.run(shop.due().webhooks)
    assert line_of(shop, "crm").startswith(
        f"to {got.url}: not told yet, 1 try: 500 ok, tried again from Mon 1 Mar 2027 14:00"
    )
    shop.now += timedelta(minutes=1)
    telling.run(shop.due().webhooks)
    telling.close()
    rows = [line.split("crm", 1)[1].strip() for line in told(shop) if "  crm " in line]
    assert rows == [f"to {got.url}", f"delivered: 200 ok, 2 tries, {got.url}"]


def test_a_webhook_that_was_given_up_is_told(database: Database, got: Received) -> None:
    """Given a receiver that never takes it, when all tries are made, then the last line says so, with its answer."""
    shop = Shop(database)
    shop.publish(f=f"trigger: purchase\nsteps: [{{webhook: '{got.url}', name: crm}}]")
    shop.buy("A1")
    got.statuses = [500]
    telling = Webhooks(database, shop.flowbook, (bytes(32),), ShopTimes(shop), allow_private=True, timeout=2.0)
    for _ in range(TRIES):
        telling.run(shop.due().webhooks)
        shop.now += timedelta(days=2)
    telling.close()
    assert told(shop)[-3].endswith(f"  failed: 500 ok, {TRIES} tries, {got.url}")


def test_a_mail_to_staff_is_told_with_each_of_them(database: Database) -> None:
    """Given a step that writes to a role and one that writes to a person, then the story says who got it, and what
    became of each one's mail."""
    shop = StaffedShop(database)
    shop.publish(f="trigger: signup\nsteps: [{send: staff-news, name: to-care, to: care}, {send: news, to: linh}]")
    shop.send("signup")
    with database.writing() as connection:
        done = update(message).where(message.c.staff == "mai").values(state="sent", sent_at=shop.now)
        connection.execute(done)
    assert line_of(shop, "to-care") == "to care: mai sent 14:00:00 · huy queued"
    assert line_of(shop, "news") == "to staff: linh queued"
