"""`phin why` of flows that find their customers themselves: by what one entered, or what they would say now."""

from __future__ import annotations

from tests.support.finding import ClockShop
from worker.domain.setting_groups import Shop as ShopSettings
from worker.edges.telling import tell
from worker.engine.asking import ask_now
from worker.storage import customers, stories
from worker.storage.database import Database


def told(shop: ClockShop, external_id: str) -> str:
    with shop.database.reading() as connection:
        person = customers.by_external_id(connection, external_id)
        assert person is not None
        asked = ask_now(connection, shop.flowbook, shop.settings, person, shop.seasons, shop.now)
        story = stories.story(connection, person, shop.flowbook.triggers(connection), asked)
    return "\n".join("".join(text for text, _ in line) for line in tell(story, ShopSettings(), shop.now))


def test_not_entered_says_what_it_would_say_now(database: Database) -> None:
    """Given flows by a birthday, a last order and a schedule, when one asks why, then each says what it lacks."""
    shop = ClockShop(database)
    shop.publish(
        birthday="trigger: birthday\nsteps: [{send: wishes}]\n",
        win_back="trigger: {schedule: '0 9 * * mon'}\nwhen: days_since(customer.last_order_at) > 60\n"
        "steps: [{send: b}]\n",
        again="trigger: {date: customer.last_order_at, offset: 7 days}\nwhen: order.total > 1\nsteps: [{send: a}]\n",
    )
    shop.tell("none")
    shop.buy("A1", customer={"id": "c1", "birthday": "1990-02-28"})
    nothing, some = told(shop, "none"), told(shop, "c1")
    assert "birthday               not entered   customer.birthday is not known  (asked now)" in nothing
    assert "again                  not entered   customer.last_order_at is not known  (asked now)" in nothing
    assert "win-back               not entered   its condition does not hold  (asked now)" in some
    assert "days_since(customer.last_order_at) > 60  is 0" in some
    assert "not entered   comes Mon 28 Feb 2028 09:00 (customer.birthday every year at 09:00)" in some
    assert "not entered   comes Mon 8 Mar 2027 09:00 (7 days after customer.last_order_at at 09:00)" in some


def test_entered_says_by_which_trigger(database: Database) -> None:
    """Given an entry by the clock, when one asks why, then the line says the moment and the trigger."""
    shop = ClockShop(database)
    shop.publish(birthday="trigger: birthday\nsteps: [{send: wishes}]\n")
    shop.tell("c1", birthday="1990-03-02")
    shop.tick("2027-03-02 09:00")
    assert "entered Tue 2 Mar 2027 09:00 by customer.birthday every year at 09:00" in told(shop, "c1")
