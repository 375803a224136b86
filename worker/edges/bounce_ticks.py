"""What the clock does about bounces: look into the mailbox, catch up with what came early, forget old tokens."""

from __future__ import annotations

from datetime import timedelta

from worker.edges.bounce_imap import BounceMailbox
from worker.edges.house import House
from worker.edges.imap_address import parse_mailbox
from worker.edges.ticks import Ticks
from worker.storage import provider_tokens

CATCH_UP_EVERY = 15.0  # seconds
FORGET_EVERY = 3_600.0
TOKENS_KEPT = timedelta(days=2)  # what is older is refused for its age


def add_bounce_ticks(house: House, ticks: Ticks) -> BounceMailbox | None:
    """Add the ticks; returns the mailbox, to be stopped at the end, where one is set."""

    def catch_up() -> None:
        house.queue.enqueue(house.bounces.catch_up(house.clock.now()))

    def forget() -> None:
        with house.database.writing() as connection:
            provider_tokens.forget(connection, house.clock.machine() - TOKENS_KEPT)

    ticks.every(CATCH_UP_EVERY, "bounces", catch_up)
    ticks.every(FORGET_EVERY, "provider tokens", forget)
    told = house.settings.bounces
    if told.imap_url is None:
        return None
    mailbox = BounceMailbox(
        parse_mailbox(told.imap_url),
        house.database,
        house.bounces,
        house.clock.now,
        house.queue.enqueue,
        done=told.imap_done,
        within=told.imap_within,
    )
    ticks.every(told.imap_every, "bounce mailbox", mailbox.begin)
    return mailbox
