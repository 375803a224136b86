"""Webhooks on their way: told once a step under one id, tried again, held while paused, to open addresses only."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook as Receiver

from tests.support.receiver import Received, receiver
from tests.support.shop import Shop, ShopTimes
from worker.delivery.open_internet import OpenInternet, Poster, PrivateAddressError
from worker.delivery.webhooks import AT_ONCE, Webhooks
from worker.domain.webhooks import SECRET_PREFIX, TRIES
from worker.storage import flows, webhooks
from worker.storage.database import Database
from worker.storage.tables import webhook

SECRET = SECRET_PREFIX + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEY = bytes(range(32))


@pytest.fixture
def got() -> Iterator[Received]:
    with receiver() as received:
        yield received


@pytest.fixture
def shop(database: Database, got: Received) -> Shop:
    made = Shop(database)
    made.publish(
        told=f"""
        trigger: purchase
        steps:
          - webhook: {got.url}
            name: tell
            with: {{total: "{{{{ order.total }}}}", words: "Đơn {{{{ order.number }}}} của {{{{ customer.name }}}}"}}
        """
    )
    return made


@pytest.fixture
def tell(shop: Shop) -> Iterator[Callable[[], None]]:
    """Tell all that may be told now."""
    telling = Webhooks(shop.database, shop.flowbook, (KEY,), ShopTimes(shop), allow_private=True, timeout=2.0)

    def run() -> None:
        left = shop.due().webhooks
        while left:
            left = telling.run(left).webhooks

    yield run
    telling.close()


def rows(shop: Shop) -> list[Any]:
    with shop.database.reading() as connection:
        return list(connection.execute(select(webhook).order_by(webhook.c.id)))


def test_it_is_told_once_and_believed(shop: Shop, got: Received, tell: Callable[[], None]) -> None:
    """Given a step with a webhook, when a journey comes to it, then the other system is told once, with what the step
    says, signed so that the specification's own library believes it, and `phin why` knows."""
    work = shop.buy("A1")
    assert len(work.webhooks) == 1
    tell()
    tell()
    ((headers, body),) = got.requests
    Receiver(SECRET).verify(body, headers)
    told = json.loads(body)
    assert told["data"]["customer"] == {"id": "c1"} and told["data"]["order"] == "A1"
    assert told["data"]["with"] == {"total": 450_000, "words": "Đơn A1 của Lan"}
    assert headers["webhook-id"] == rows(shop)[0].key
    assert [row.state for row in rows(shop)] == ["delivered"]
    assert ("webhook", {"url": got.url, "delivered": "200 ok", "tries": 1}) in shop.trace(shop.journeys()[0].id)


def test_it_is_tried_again_under_the_same_id(shop: Shop, got: Received, tell: Callable[[], None]) -> None:
    """Given a server that fails twice, when time goes on, then it is told again on schedule, the same under one id."""
    got.statuses = [500, 503, 200]
    shop.buy("A1")
    for _ in range(3):
        tell()
        shop.now += timedelta(minutes=6)
    assert len(got.requests) == 3
    assert len({headers["webhook-id"] for headers, _ in got.requests}) == 1
    assert len({body for _, body in got.requests}) == 1
    (row,) = rows(shop)
    assert (row.state, row.attempts, row.code) == ("delivered", 3, 200)


def test_it_is_given_up_at_last_and_can_be_tried_anew(shop: Shop, got: Received, tell: Callable[[], None]) -> None:
    """Given a server that always fails, when all tries are over, then it is given up with the answer, nothing is told
    any more, and a person's word has it tried anew."""
    got.statuses = [500]
    shop.buy("A1")
    for _ in range(TRIES + 3):
        tell()
        shop.now += timedelta(hours=30)
    (row,) = rows(shop)
    assert (row.state, row.code, row.answer) == ("failed", 500, "ok") and len(got.requests) == TRIES
    got.statuses = [200]
    with shop.database.writing() as connection:
        assert webhooks.again(connection, [row.id], shop.now) == [row.id]
    tell()
    assert rows(shop)[0].state == "delivered"


def test_a_redirect_is_not_followed(shop: Shop, got: Received, tell: Callable[[], None]) -> None:
    """Given a server that sends us elsewhere, when it is told, then nobody else is, and it is tried again."""
    with receiver() as elsewhere:
        got.statuses, got.headers = [302], {"location": elsewhere.url}
        shop.buy("A1")
        tell()
        assert elsewhere.requests == []
    (row,) = rows(shop)
    assert (row.state, row.code) == ("queued", 302)


def test_a_server_that_hangs_or_never_ends_is_left(shop: Shop, got: Received) -> None:
    """Given a server that does not answer in time, and one whose answer never ends, when they are told, then the first
    is tried again and the second has been told."""
    poster = Poster(allow_private=True, timeout=0.3)
    got.hangs = 1.0
    assert "no answer within 0.3 s" in poster.post(got.url, {}, b"{}").text
    got.hangs, got.drips = 0.0, 100_000
    answer = poster.post(got.url, {}, b"{}")
    assert answer.ok and len(answer.text) <= 200
    poster.close()
    assert shop.database


def test_a_paused_flow_tells_nobody(shop: Shop, got: Received, tell: Callable[[], None]) -> None:
    """Given a flow that is paused after its step, when what is due is told, then nobody is; once resumed, they are."""
    shop.buy("A1")
    for paused, told in ((True, 0), (False, 1)):
        with shop.database.writing() as connection:
            flows.set_paused(connection, "told", paused, shop.now)
        tell()
        assert len(got.requests) == told


def test_many_are_told_each_once(shop: Shop, got: Received, tell: Callable[[], None]) -> None:
    """Given more webhooks than are taken in hand at once, when they are told, then each is, once."""
    for number in range(AT_ONCE + 5):
        shop.buy(f"A{number}")
    tell()
    assert len({headers["webhook-id"] for headers, _ in got.requests}) == len(got.requests) == AT_ONCE + 5


def test_what_was_taken_in_hand_and_lost_is_told_again(shop: Shop, got: Received, tell: Callable[[], None]) -> None:
    """Given a process that died with a webhook in hand, when its lease is over, then another tells it."""
    (number,) = shop.buy("A1").webhooks
    with shop.database.writing() as connection:
        until = shop.now + timedelta(minutes=5)
        assert webhooks.claim(connection, [number], token="dead", until=until, now=shop.now, flows=["told"], limit=5)
    tell()
    assert got.requests == []
    shop.now += timedelta(minutes=6)
    tell()
    assert len(got.requests) == 1


def test_private_addresses_are_refused(shop: Shop, got: Received) -> None:
    """Given an address of this machine, when it is told without being allowed to, then no connection is made and the
    webhook is given up with the setting's name."""
    shop.buy("A1")
    telling = Webhooks(shop.database, shop.flowbook, (KEY,), ShopTimes(shop))
    telling.run(shop.due().webhooks)
    telling.close()
    (row,) = rows(shop)
    assert got.requests == [] and row.state == "failed" and "webhooks.allow_private" in row.answer


@pytest.mark.parametrize(
    "addresses", [["10.0.0.7"], ["1.1.1.1", "127.0.0.1"], ["::ffff:169.254.169.254"], ["fd00::1", "1.1.1.1"]]
)
def test_a_name_that_leads_inside_is_refused(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a name one of whose addresses lies inside, when it is connected to, then nothing is tried."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(PrivateAddressError, match="open internet"):
        OpenInternet().connect_tcp("shop.example", 443, timeout=1.0)


def test_the_address_that_was_looked_at_is_connected_to(got: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a name that means something else each time it is asked, when it is told, then it is asked once, and the
    connection goes to what was answered then."""
    port = int(got.url.rpartition(":")[2].partition("/")[0])
    asked: list[str] = []

    def answer(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 or host == "127.0.0.1" else "10.255.255.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    poster = Poster(allow_private=True, timeout=2.0)
    assert poster.post(f"http://shop.example:{port}/told", {}, b"{}").ok
    poster.close()
    assert asked.count("shop.example") == 1
    assert got.requests[0][0]["host"] == f"shop.example:{port}"


@pytest.mark.parametrize("url", ["ftp://shop.example/a", "http://", "http://nowhere.invalid/"])
def test_an_address_that_cannot_be_used_is_an_answer(url: str) -> None:
    """Given an address of another kind, without a host, or of a name that is not known, when it is told, then what is
    wrong is the answer."""
    poster = Poster(allow_private=True, timeout=2.0)
    answer = poster.post(url, {}, b"{}")
    poster.close()
    assert not answer.ok and answer.text
