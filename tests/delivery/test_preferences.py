"""What a reader wishes holds from the next mail on: topics, how often, a pause, the language, and everything off."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from tests.support.consents import LAN
from tests.support.post import Office
from tests.support.shop import LAN as CUSTOMER
from tests.support.shop import YES, Shop
from worker.delivery.preferences import Choice, preferences_of, save
from worker.domain.customers import ConsentState, Purpose
from worker.domain.wishes import Frequency, Wishes
from worker.domain.work import Work
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import customer, event, message

DAY = timedelta(days=1)
TOPICS = {"news": {"vi": "Bản tin"}, "offers": {"vi": "Ưu đãi"}}
FLOWS = {
    "news": "topic: news\ntrigger: signup\nonce: per event\nsteps: [{send: welcome}]",
    "offer": "topic: offers\ntrigger: signup\nonce: per event\nsteps: [{send: thank-you}]",
    "order": "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]",
}


def shop_of(database: Database, tmp_path: Path, *flows: str, **settings: Any) -> tuple[Shop, Office]:
    """Return a shop whose customer signed up and got the first mails of these flows."""
    shop = Shop(database, topics=TOPICS, **settings)
    shop.publish(**{name: FLOWS[name] for name in flows})
    office = Office(shop, tmp_path)
    shop.send("signup")
    office.send()
    return shop, office


def choose(shop: Shop, **chosen: Any) -> Work:
    """Say something on the page of the customer's first mail."""
    given = {"wishes": Wishes(), "at": shop.now, **chosen}
    confirmed = shop.settings.policy.refusal_confirmed
    return save(shop.database, Choice(1, **given), shop.now, confirmed=confirmed)[1]


def outcomes(shop: Shop) -> list[tuple[str, str, str | None]]:
    with shop.database.reading() as connection:
        rows = connection.execute(select(message.c.template, message.c.state, message.c.reason).order_by(message.c.id))
        return [(row.template, row.state, row.reason) for row in rows]


def test_a_topic_that_is_left_out_comes_no_more(database: Database, tmp_path: Path) -> None:
    """Given two topics, when one is left out, then its mails are skipped, the other's go, and the ledger says so."""
    shop, office = shop_of(database, tmp_path, "news", "offer")
    choose(shop, topics={"offers": False}, wordings={"offers": "Ưu đãi"})
    shop.now += DAY
    shop.send("signup")
    office.send()
    assert outcomes(shop)[2:] == [("welcome", "sent", None), ("thank-you", "skipped", "topic")]
    choose(shop, topics={"offers": False})  # as it was: no word
    choose(shop, topics={"offers": True})
    with database.reading() as connection:
        lines = consent.lines(connection, LAN)[2:]
        assert consent.known(connection, LAN, Purpose.MARKETING).state is ConsentState.SUBSCRIBED
    assert [(one.purpose, one.line.state, one.told.wording, one.told.proof) for one in lines] == [
        ("topic:offers", "unsubscribed", "Ưu đãi", {"message": 1}),
        ("topic:offers", "subscribed", None, {"message": 1}),
    ]


def test_a_pause_is_kept_and_ends_by_itself(database: Database, tmp_path: Path) -> None:
    """Given a pause, then advertising is skipped until its day, mails about orders go, and then all goes as before."""
    shop, office = shop_of(database, tmp_path, "news", "order")
    choose(shop, wishes=Wishes(paused_until=shop.now + 3 * DAY))
    shop.now += DAY
    shop.send("signup")
    shop.buy("A1")
    shop.now += 2 * DAY
    shop.send("signup")
    office.send()
    assert sorted(outcomes(shop)[1:]) == [
        ("order-confirmation", "sent", None),
        ("welcome", "sent", None),
        ("welcome", "sent", None),
    ], "what is asked at the moment of sending, not of writing, decides"


def test_during_a_pause_advertising_is_skipped_with_its_reason(database: Database, tmp_path: Path) -> None:
    """Given a pause, when advertising is due in it, then the ledger says why it did not go."""
    shop, office = shop_of(database, tmp_path, "news")
    until = shop.now + 3 * DAY
    choose(shop, wishes=Wishes(paused_until=until))
    choose(shop, keeps_pause=True)
    shop.now += DAY
    shop.send("signup")
    office.send()
    assert outcomes(shop)[1:] == [("welcome", "skipped", "paused by the customer")]
    found = preferences_of(database, 1)
    assert found is not None and found.wishes.paused_until == until


def test_once_a_week_is_a_letter_each_week(database: Database, tmp_path: Path) -> None:
    """Given a wish for one mail a week, then of daily advertising one goes in seven days, over all flows."""
    shop, office = shop_of(database, tmp_path, "news", "offer", policy={"per_day": 9})
    choose(shop, wishes=Wishes(frequency=Frequency.WEEKLY))
    for _ in range(8):
        shop.now += DAY
        shop.send("signup")
        office.send()
    went = [(kind, reason) for kind, state, reason in outcomes(shop)[2:] if state == "sent"]
    assert len(went) == 1
    assert {reason for _, state, reason in outcomes(shop)[2:] if state == "skipped"} == {"frequency: once a week"}


def test_the_language_is_the_customers_own_word(database: Database, tmp_path: Path) -> None:
    """Given a chosen language, when the shop repeats what its record said, then it stays; a new word of its counts."""
    shop, _ = shop_of(database, tmp_path, "news")
    shop.send("cart.updated", customer={**CUSTOMER, "language": "vi"})
    choose(shop, language="en")
    said = []
    for language in ("vi", "fr"):
        shop.now += DAY
        shop.send("cart.updated", customer={**CUSTOMER, "language": language})
        with database.reading() as connection:
            said.append(connection.execute(select(customer.c.language)).scalar_one())
    assert said == ["en", "fr"]


def test_tracking_is_a_word_of_its_own(database: Database, tmp_path: Path) -> None:
    """Given tracking switched off and on, then the ledger has both, and the next mail has no pixel, then one."""
    shop, office = shop_of(database, tmp_path, "news")
    for yes in (False, True):
        shop.now += DAY
        choose(shop, tracking=yes, wordings={"tracking": "Tôi đồng ý"})
        shop.send("signup", customer={**CUSTOMER, "consent": {**YES, "tracking": None}})
        office.send()
    with database.reading() as connection:
        followed = connection.execute(select(message.c.tracked).order_by(message.c.id)).scalars().all()
        lines = [one.line.state for one in consent.lines(connection, LAN) if one.purpose == "tracking"]
    assert followed == [True, False, True]
    assert lines == ["subscribed", "unsubscribed", "subscribed"]


def test_everything_off_is_a_refusal_with_its_mail(database: Database, tmp_path: Path) -> None:
    """Given a shop that confirms refusals, when all is switched off, then flows hear of it, and one mail says so."""
    shop, office = shop_of(database, tmp_path, "news", policy={"refusal_confirmed": True})
    (office.folder / "templates" / "refusal-confirmed.vi.html").write_text(
        '---\nsubject: Đã ngừng\n---\n<html><body><a href="{{ confirm_url }}">rút lại</a></body></html>'
    )
    shop.now += DAY
    work = choose(shop, marketing=False)
    with database.writing() as connection:
        connection.execute(update(customer).values(email="new@example.com"))
        (told,) = connection.execute(select(event).where(event.c.type == "unsubscribed")).all()
    assert (work.events, told.payload["data"]["way"]) == ((told.id,), "preferences")
    shop.process(work)
    office.send(work)
    assert office.post.mails[-1].recipient == LAN
    assert b"List-Unsubscribe" not in office.post.mails[-1].content
    shop.send("signup")
    assert choose(shop, marketing=False) == Work()
    shop.now += DAY
    choose(shop, marketing=True, wordings={"marketing": "Tôi đồng ý nhận thư"})
    with database.reading() as connection:
        last = consent.lines(connection, LAN)[-1]
    assert (last.line.state, last.line.anew, last.told.wording) == ("subscribed", True, "Tôi đồng ý nhận thư")


def test_with_double_opt_in_a_yes_asks_first_and_then_counts(database: Database, tmp_path: Path) -> None:
    """Given double opt-in, when a sign-up says yes, then it is asked for once; what was confirmed or is past counts."""
    shop = Shop(database, policy={"double_opt_in": True})
    shop.publish(
        ask="kind: transactional\ntrigger: {event: subscription.requested}\nsteps: [{send: thank-you}]",
        hello="trigger: {event: subscribed}\nsteps: [{send: welcome}]",
    )
    work = shop.send("signup")
    asked = shop.process(work)
    assert len(asked.messages) == 1
    assert not shop.send("purchase", order={"number": "A1", "total": 1}).events, "the record says it once more"
    again = shop.send("subscribed")
    assert again.events, "a person says it once more"
    old = {"id": "c2", "email": "old@example.com", "consent": {"marketing": True}}
    done = {"id": "c3", "email": "done@example.com", "consent": {"marketing": True, "confirmed": True}}
    shop.send("signup", customer=old, history=True, time=(shop.now - 900 * DAY).isoformat())
    shop.send("signup", customer=done)
    with database.reading() as connection:
        known = [
            consent.known(connection, email, Purpose.MARKETING).state.value
            for email in (LAN, "old@example.com", "done@example.com")
        ]
        (told,) = connection.execute(
            select(event.c.payload).where(event.c.type == "subscription.requested").limit(1)
        ).scalars()
    assert known == ["unknown", "subscribed", "subscribed"]
    assert told["data"] == {"source": "checkout"}


def test_an_old_page_repeats_nothing(database: Database, tmp_path: Path) -> None:
    """Given a page of before a refusal, when it is saved with its tick as it was, then the refusal holds."""
    shop, _ = shop_of(database, tmp_path, "news")
    at: datetime = shop.now
    choose(shop, marketing=False)
    choose(shop, at=at, marketing=None, wishes=Wishes(frequency=Frequency.MONTHLY))
    found = preferences_of(database, 1)
    assert found is not None
    assert (found.marketing, found.wishes.frequency) == (ConsentState.UNSUBSCRIBED, Frequency.MONTHLY)


def test_mails_about_consent_itself_are_plain(database: Database, tmp_path: Path) -> None:
    """Given a customer who may be followed, then neither the mail that asks for a yes nor the one that confirms a no
    is followed, and both go out; the next mail is followed."""
    shop = Shop(database, policy={"refusal_confirmed": True}, tracking={"honeypot": True})
    shop.publish(
        ask="kind: transactional\ntrigger: signup\nsteps: [{send: confirm-subscription}]",
        order=FLOWS["order"],
    )
    office = Office(shop, tmp_path)
    link = '<a href="https://shop.example/menu">menu</a>'
    ask = f'---\nsubject: S\n---\n<html><body><a href="{{{{ confirm_url }}}}">yes</a>{link}</body></html>'
    confirmed = f"---\nsubject: S\n---\n<html><body>{link}</body></html>"
    for name, text in (("confirm-subscription", ask), ("refusal-confirmed", confirmed)):
        (office.folder / "templates" / f"{name}.vi.html").write_text(text)
    shop.send("signup")
    office.send()
    office.send(shop.send("unsubscribed"))
    shop.buy("A1")
    office.send()
    with database.reading() as connection:
        rows = connection.execute(select(message.c.template, message.c.state, message.c.tracked).order_by(message.c.id))
        assert [tuple(row) for row in rows] == [
            ("confirm-subscription", "sent", False),
            ("refusal-confirmed", "sent", False),
            ("order-confirmation", "sent", True),
        ]
    parts = [[*message_from_bytes(one.content).walk()] for one in office.post.mails]
    bodies = [b"".join(bytes(one.get_payload(decode=True) or b"") for one in mail) for mail in parts]
    assert [(b"/o/" in one, b"/c/" in one) for one in bodies] == [(False, False), (False, False), (True, True)]
