"""An audience counted beforehand is the one that enters, and tells whose mails would be skipped."""

from __future__ import annotations

from datetime import date

from tests.support.finding import ClockShop
from worker.domain.policy import SkipReason
from worker.engine.previewing import Preview, preview
from worker.engine.surroundings import Surroundings
from worker.storage.database import Database

NO = {"marketing": False, "source": "checkout"}


def previewed(shop: ClockShop, flow: str, day: date | None = None, most: int = 10, **more: bool) -> list[Preview]:
    with shop.database.reading() as connection:
        running = shop.flowbook.follow(connection).running[flow]
        around = Surroundings.of(shop.settings, shop.flowbook.segments)
        return preview(connection, around, running.flow, shop.seasons, shop.now, day, most, **more)


def test_who_is_counted_is_who_enters(database: Database) -> None:
    """Given birthdays in two zones and a condition, when they are counted before the day, then those enter."""
    shop = ClockShop(database)
    shop.publish(birthday="trigger: birthday\nwhen: customer.language == 'vi'\nsteps: [{send: wishes}]\n")
    for name, birthday, zone, language in (
        ("a", "1990-03-05", None, "vi"),
        ("b", "1991-03-05", "Asia/Tokyo", "vi"),
        ("c", "1992-03-05", "Europe/Paris", "en"),
        ("d", "1993-03-06", None, "vi"),
    ):
        shop.tell(name, birthday=birthday, timezone=zone, language=language)
    (found,) = previewed(shop, "birthday")
    assert (found.day, found.counts.customers) == (date(2027, 3, 5), 2)  # the next day that somebody has
    assert [person.customer.external_id for person in found.people] == ["a", "b"]
    assert [person.moment for person in found.people] == [found.last, found.first]
    for local in ("2027-03-05 07:00", "2027-03-05 09:00", "2027-03-05 16:00"):
        shop.tick(local)
    assert sorted(shop.entered()) == ["a", "b"]
    (after,) = previewed(shop, "birthday", date(2027, 3, 5))
    assert (after.counts.customers, after.counts.entered) == (2, 2)


def test_whose_mail_would_be_skipped_is_counted_once(database: Database) -> None:
    """Given customers without consent or address, when a campaign is counted, then each is told by the first reason."""
    shop = ClockShop(database)
    shop.publish(women="trigger: {date: 2027-03-08}\nsteps: [{send: women}]\n")
    shop.tell("yes")
    shop.tell("no", consent=NO)
    shop.tell("silent", consent=None)
    shop.send("cart.updated", {"id": "nowhere"})
    (found,) = previewed(shop, "women")
    counts = found.counts
    assert (counts.customers, counts.no_consent, counts.no_address, counts.suppressed) == (4, 2, 1, 0)
    assert [person.skipped for person in found.people] == [
        None, SkipReason.UNSUBSCRIBED, SkipReason.NO_CONSENT, SkipReason.NO_ADDRESS,
    ]  # fmt: skip
    (us,) = previewed(shop, "women", opt_out=True)  # where advertising goes to whoever did not say no
    assert (us.counts.customers, us.counts.no_consent, us.counts.no_address) == (4, 1, 1)
    assert [person.skipped for person in us.people] == [None, SkipReason.UNSUBSCRIBED, None, SkipReason.NO_ADDRESS]
    (fewer,) = previewed(shop, "women", most=1)
    assert (fewer.counts.customers, len(fewer.people)) == (4, 1)


def test_what_does_not_come_or_cannot_be_counted_says_so(database: Database) -> None:
    """Given a campaign of the past, an event and a day without a turn, when they are counted, then nobody is."""
    shop = ClockShop(database)
    shop.publish(mixed="trigger: [purchase, {date: 2027-02-01}, {schedule: '0 9 * * mon'}]\nsteps: [{send: a}]\n")
    shop.tell("a")
    event, campaign, schedule = previewed(shop, "mixed")
    assert (event.day, campaign.day, schedule.day) == (None, None, date(2027, 3, 8))
    assert [one.day for one in previewed(shop, "mixed", date(2027, 3, 9))] == [None, None, None]
