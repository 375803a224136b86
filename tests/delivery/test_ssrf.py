"""Whoever writes a webhook's address cannot have Phin speak to what only Phin can reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpcore
import pytest

from tests.delivery.mails import NOW, FakeLinks, compiled, values
from tests.fuzz.readers import watched
from tests.support.receiver import Received, receiver
from worker.delivery.open_internet import OpenInternet, Poster, PrivateAddressError
from worker.domain.server_urls import Security, read_server_url
from worker.domain.webhooks import is_open
from worker.edges.web.provider_signatures import RefusedError
from worker.edges.web.provider_sns import Sns, fetch_openly

CLOSED = [
    "0.0.0.0",
    "10.0.0.7",
    "100.64.0.1",  # shared by a provider's customers (RFC 6598)
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # where clouds tell a machine its keys
    "172.16.0.1",
    "192.168.1.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",  # the same of clouds by version 6
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
]
WRITTEN = [  # this machine, as resolvers and browsers know to write it
    "localhost",
    "localhost.",
    "LOCALHOST",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "127.0.0.1.",
    "[::1]",
    "[::ffff:7f00:1]",
    "[::]",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
]
FORMS = [  # of an address whose eye-catching host is another than the one that is meant
    "http://shop.example@{here}/",
    "http://shop.example:x@{here}/",
    "http://{here}#@shop.example/",
    "http://{here}?@shop.example/",
    "http://{here}\\@shop.example/",
    "http:\\\\{here}/",
    "http:///{here}/",
    "//{here}/",
    "http://{here}%2f@shop.example/",
    "http://{here}\t.shop.example/",
    "http://shop.example\r\nHost: {here}/",
    "gopher://{here}/",
    "file:///etc/passwd",
    "unix:///var/run/docker.sock",
]


@pytest.fixture
def got() -> Iterator[Received]:
    with receiver() as received:
        yield received


@pytest.mark.parametrize("address", CLOSED)
def test_no_closed_address_is_open(address: str) -> None:
    """Given an address that is none of the open internet, in either version and inside the other, then it is closed."""
    assert not is_open(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_the_open_internet_is_open(address: str) -> None:
    """Given an address of the open internet, also one that is translated, then it is open."""
    assert is_open(address)


@pytest.mark.parametrize("host", WRITTEN)
def test_no_way_of_writing_this_machine_reaches_it(host: str, got: Received) -> None:
    """Given this machine by a name, a number of any base or a look-alike, then nobody is connected to."""
    port = got.url.rpartition(":")[2].partition("/")[0]
    poster = Poster(allow_private=False, timeout=2.0)
    answer = poster.post(f"http://{host}:{port}/", {}, b"{}")
    poster.close()
    assert not answer.ok
    assert got.requests == []


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_an_address_hides_its_host(form: str, got: Received) -> None:
    """Given an address written so that readers differ on its host, then nobody inside is told."""
    poster = Poster(allow_private=False, timeout=2.0)
    answer = poster.post(form.format(here=got.url.partition("//")[2].partition("/")[0]), {}, b"{}")
    poster.close()
    assert not answer.ok
    assert answer.text
    assert got.requests == []


def test_a_name_with_one_closed_address_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a name whose addresses are of both kinds, in either order, then none of them is connected to."""
    for addresses in (["93.184.216.34", "10.0.0.7"], ["10.0.0.7", "93.184.216.34"], ["93.184.216.34", "fd00::1"]):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
        monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("somebody was connected to"))
        with pytest.raises(PrivateAddressError):
            OpenInternet().connect_tcp("shop.example", 443, timeout=1.0)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "https_proxy"])
def test_a_proxy_of_the_environment_is_not_asked(name: str, got: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an environment that names a proxy, then it is told nothing: it would resolve names anew."""
    with receiver() as proxy:
        monkeypatch.setenv(name, proxy.url)
        poster = Poster(allow_private=True, timeout=5.0)
        assert poster.post(got.url, {}, b"{}").ok
        poster.close()
        assert proxy.requests == []
    assert len(got.requests) == 1


def test_an_answer_whose_headers_drip_is_left() -> None:
    """Given a server that sends its headers byte by byte without end, then it is left after the whole answer's time."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    poster = Poster(allow_private=True, timeout=0.5)
    ends = threading.Timer(30, over.set)  # without the bound the drip would end here, and the answer would be another
    ends.start()
    answer = poster.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, b"{}")
    assert "no answer within 0.5 s" in answer.text
    assert not over.is_set()
    over.set()
    ends.cancel()
    poster.close()
    thread.join(10)
    listener.close()


def test_an_answer_that_stalls_after_its_status_is_an_answer(got: Received) -> None:
    """Given a server that says 200 and never ends its body, then the webhook was taken, and is not told twice."""
    got.drips = 3
    got.headers = {"content-length": "1000"}
    poster = Poster(allow_private=True, timeout=0.5)
    assert poster.post(got.url, {}, b"{}").ok
    poster.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem",
        "https://evil.example#sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/x.pem",
        "https://s3.eu-west-1.amazonaws.com/bucket/x.pem",
        "https://bucket.s3.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com./x.pem",
        "https://127.0.0.1/x.pem",
        "file:///etc/passwd.pem",
        "https://ｓns.eu-west-1.amazonaws.com/x.pem",
    ],
)
def test_sns_is_asked_at_its_own_addresses_only(url: str) -> None:
    """Given a message that names another address to confirm at, then nothing is fetched."""
    sns = Sns(["topic"], lambda _: pytest.fail("something was fetched"))
    with pytest.raises(RefusedError):
        sns.confirm({"SubscribeURL": url})


def test_what_sns_fetches_is_of_the_open_internet(got: Received) -> None:
    """Given an address that resolves to this machine, then SNS's reader does not fetch it either."""
    with pytest.raises(RefusedError):
        fetch_openly(got.url)
    assert got.requests == []


def test_compiling_a_mail_asks_nobody(tmp_path: Path, got: Received) -> None:
    """Given stylesheets, fonts, pictures and MJML that name addresses, when a mail is made, then none is asked."""
    here = got.url
    html = (
        f"<link rel='stylesheet' href='{here}'><style>@import url({here}); p {{ background: url({here}) }}</style>"
        f"<p><img src='{here}/x.png' alt=''><a href='{here}'>x</a></p>"
    )
    mjml = (
        f"<mjml><mj-head><mj-font name='x' href='{here}' /></mj-head><mj-body><mj-section><mj-column>"
        f"<mj-image src='{here}/x.png' alt='' /></mj-column></mj-section></mj-body></mjml>"
    )
    for name, text in (("a.vi.html", html), ("b.vi.mjml", mjml)):
        made = compiled(tmp_path, {name: f"---\nsubject: x\n---\n{text}"}, name[0])
        with watched():
            assert made.render(values(now=NOW), FakeLinks()).html
    assert got.requests == []


@pytest.mark.parametrize("url", ["smtp://", "http://relay.example", "smtp://relay.example/?x=y", "file:///etc/passwd"])
def test_urls_of_servers_are_of_their_kinds_only(url: str) -> None:
    """Given the URL of a relay or mailbox of another kind, then it is refused, and what is said holds no password."""
    with pytest.raises(ValueError, match=r"it |its |something"):
        read_server_url(url, {"smtp": (Security.OFFERED, 587)}, ("chunking",))


def test_a_resolver_that_fails_is_an_answer() -> None:
    """Given a name that no resolver takes, then it is not known, and nothing is raised beyond that."""
    for host in ("a" * 300, "\ud800", "x..y", "xn--" + "9" * 80):
        with pytest.raises(httpcore.ConnectError):
            OpenInternet().connect_tcp(host, 80, timeout=1.0)
