"""No log line names a person or holds a key: the whole chain with real processes, well and in trouble."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from tests.support.misbehaving_smtp import MisbehavingSmtp, RefusedPort
from tests.support.phin_up import make_home
from tests.support.processes import ROOT, clean_environment, running, wait_until
from tests.support.shop_folder import phin
from tests.support.smtp_conversation import Manners, say
from tests.support.visitor import purchase, read_letter
from worker.storage.database import Database

PERSON = {
    "id": "c-4711",
    "email": "thu-nga.8821@khach-rieng.example",
    "name": "Bạch Thu Ngà Quyên",
    "first_name": "Quyên",
    "phone": "0912 883 217",
    "language": "vi",
    "consent": {"marketing": True, "tracking": True, "source": "checkout"},
}
SECOND = {**PERSON, "id": "c-4712", "email": "hai.9932@khach-rieng.example", "name": "Lục Vân Hải Triều"}
OF_PERSONS = ("8821", "9932", "khach-rieng", "Bạch Thu", "Quyên", "Lục Vân", "883 217", "883217")
BROKEN_FLOW = """
flow: broken-mail
kind: transactional
trigger: purchase
steps:
  - send: broken
"""
HOOKED_FLOW = """
flow: hooked
trigger: purchase
steps:
  - webhook: http://127.0.0.1:9/told?access=HOOK
    with: {name: "{{ customer.name }}"}
"""
LOUDER = "import logging\nlogging.INFO = logging.DEBUG\n"  # whatever is not kept quiet says all that it can


def _word() -> str:
    return secrets.token_urlsafe(24)


class Shop:
    """A shop in production: its processes, its secrets, and what all of them have said.

    Parameters:
        form: of the log lines.
        loud: whether every library says all that it can say.
    """

    def __init__(self, folder: Path, database_url: str, relay: MisbehavingSmtp, queue: int, form: str, *, loud: bool):
        self.home = make_home(folder / "home")
        self.said = folder / "said"
        self.said.mkdir()
        key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.password, self.queue_password, self.hook = _word(), _word(), _word()
        self.ingest, self.signing = _word(), _word()
        webhook = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.secrets = {
            self.password,
            base64.b64encode(f"\0lan\0{self.password}".encode()).decode(),
            self.queue_password,
            self.hook,
            self.ingest,
            self.signing,
            webhook,
            key.splitlines()[1],
        }
        louder = folder / "louder"
        louder.mkdir()
        (louder / "sitecustomize.py").write_text(LOUDER if loud else "")
        (self.home / "flows" / "broken-mail.yaml").write_text(BROKEN_FLOW)
        (self.home / "flows" / "hooked.yaml").write_text(HOOKED_FLOW.replace("HOOK", self.hook))
        for language in ("vi", "en"):
            (self.home / "templates" / f"broken.{language}.html").write_text(
                "---\nsubject: x\n---\n{% extends 'layouts/mail.html' %}{% block content %}{{ customer.name | money }}"
                "{% endblock %}"
            )
        with RefusedPort() as port:
            self.port = port
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "PHIN_DATABASE_URL": database_url,
            "PHIN_REDIS_URL": f"redis://:{self.queue_password}@127.0.0.1:{queue}/0",
            "PHIN_SMTP_URL": relay.url(userinfo=f"lan:{self.password}@"),
            "PHIN_INGEST_KEY": f"shop:{self.ingest}",
            "PHIN_SECRET_KEY": self.signing,
            "PHIN_WEBHOOK_SECRET": webhook,
            "PHIN_WEBHOOKS_ALLOW_PRIVATE": "true",
            "PHIN_DKIM_ED25519_KEY": key,
            "PHIN_DKIM_SIGN": "true",
            "PHIN_BOUNCES_DOMAIN": "bounces.the-coffee.example",
            "PHIN_INTAKE_PERSON_KEYS": "shop",
            "PHIN_POLICY_QUIET_HOURS": "none",
            "PHIN_PORT": str(self.port),
            "PHIN_LOG": form,
            "PYTHONPATH": f"{louder}:{ROOT}",
        }

    def phin(self, *arguments: str) -> str:
        """Run a command; what it says to the operator is no log."""
        done = phin(self.home, *arguments, **self.settings)
        assert done.returncode == 0, done.stderr
        (self.said / f"command-{len(list(self.said.iterdir()))}").write_text(done.stderr)
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the processes of production."""
        environment = clean_environment(PHIN_HOME=str(self.home), **self.settings)
        with ExitStack() as stack:
            for name in ("web", "worker", "clock"):
                stack.enter_context(
                    running(["worker.edges.cli", name], output=self.said / name, environment=environment, cwd=self.home)
                )
            wait_until(self.alive, "the web process answers", timeout=90)
            yield

    def alive(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def report(self, events: list[dict[str, Any]], key: str | None = None) -> int:
        """Send events, as the shop does; returns the answer's status."""
        headers = {"Authorization": f"Bearer {key or self.ingest}"}
        return httpx.post(f"{self.url}/v1/events", json=events, headers=headers, timeout=30).status_code

    def words(self) -> str:
        return "\n".join(file.read_text(errors="replace") for file in sorted(self.said.iterdir()))


@pytest.fixture
def relay() -> Iterator[MisbehavingSmtp]:
    """A relay that wants a login, and says more than it should: back what it was given, and whom it is about."""
    about = f"550 5.1.1 <{SECOND['email']}> is not known here"
    manners = Manners(login=("lan", ""), script={"rcpt": [None, None, say(about)]})
    with MisbehavingSmtp(manners=manners) as server:
        yield server


@pytest.mark.parametrize(
    ("database", "form", "loud"), [("sqlite_url", "json", False), ("postgres_url", "console", True)]
)
def test_no_line_names_a_person_or_holds_a_key(
    database: str, form: str, loud: bool, relay: MisbehavingSmtp, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Given a shop with all its secrets, when mail goes out and comes back, and when everything around it fails,
    then no line of any process holds an address, a name, a key, a password or a token."""
    url = request.getfixturevalue(database)
    with RefusedPort() as nobody:
        shop = Shop(tmp_path, url, relay, nobody, form, loud=loud)
        echoed = base64.b64encode(f"\0lan\0{shop.password}".encode()).decode()
        relay.manners.login = ("lan", shop.password)
        relay.manners.script = {
            **relay.manners.script,
            "auth": [say(f"535 5.7.8 {shop.password} is wrong, in {echoed}")],
        }
        shop.phin("release")
        with shop.running():
            pages, opening = _live(shop, relay)
            _in_trouble(shop, url, pages)
    lines = shop.words()
    print(lines)
    for sign in ("cannot be processed", "does not take our mail", "a webhook was not taken", "queue is out of reach"):
        assert sign in lines
    forbidden = {*OF_PERSONS, *shop.secrets, *opening, *(quote(one, safe="") for one in shop.secrets)}
    assert {one for one in forbidden if one in lines} == set()


def _live(shop: Shop, relay: MisbehavingSmtp) -> tuple[set[str], set[str]]:
    """Report, send, follow every link of the mails, sign in; returns the links' paths, and all that opens something."""
    good = [purchase("p1", "A1", PERSON), {"id": "s1", "type": "signup", "customer": PERSON}]
    assert shop.report(good) == 202
    assert shop.report(good, key=f"{shop.ingest}x") == 401
    assert shop.report([{"id": "z", "type": "purchase", "customer": {"email": "8821@@"}}]) == 202  # refused by itself
    wait_until(lambda: len(relay.manners.contents) >= 2, "the mails are taken", timeout=120)
    paths: set[str] = set()
    opening: set[str] = set()
    with httpx.Client(base_url=shop.url, timeout=30) as web:
        for content in relay.manners.contents:
            letter = read_letter(content)
            for path, token in re.findall(rf"{shop.url}(/[a-z]/([\w-]+)[^\s\"<>]*)", f"{letter.html} {letter.headers}"):
                paths.add(path.replace("&amp;", "&"))
                opening.add(token)
        for path in sorted(paths):
            web.get(path)
            web.get(f"{path}x")
        token = shop.phin("signin").strip().rsplit("/", 1)[1].split("?")[0]
        form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', web.get(f"/s/{token}").text))
        assert web.post(f"/s/{token}", data=form).status_code < 400
        opening |= {token, *form.values(), *web.cookies.values()}
    opening |= {line.split("<b+")[1].split("@")[0] for line in relay.manners.commands if "<b+" in line}
    return paths, opening


def _in_trouble(shop: Shop, url: str, pages: Collection[str]) -> None:
    """Report what the database refuses and the relay refuses, and ask for pages while a table is away."""
    database = Database(url)
    try:
        with database.writing() as connection:
            if database.engine.dialect.name == "postgresql":
                connection.execute(text("ALTER TABLE customer ADD CONSTRAINT odd CHECK (email NOT LIKE 'hai.%')"))
            else:
                connection.execute(
                    text(
                        "CREATE TRIGGER odd BEFORE INSERT ON customer WHEN NEW.email LIKE 'hai.%' "
                        "BEGIN SELECT RAISE(ABORT, 'customer hai.9932@khach-rieng.example is odd'); END"
                    )
                )
        assert shop.report([purchase("p9", "A9", SECOND)]) == 202
        wait_until(lambda: "cannot be processed" in shop.words(), "the event fails", timeout=60)
        with database.writing() as connection:
            connection.execute(text("ALTER TABLE message RENAME TO message_away"))
        with httpx.Client(base_url=shop.url, timeout=30) as web:
            for path in pages:
                web.get(path)
                web.post(path)
            key = {"Authorization": f"Bearer {shop.ingest}"}
            web.get(f"/v1/customers/{PERSON['email']}", headers=key)
            web.delete(f"/v1/customers/{PERSON['id']}", headers=key)
        with database.writing() as connection:
            connection.execute(text("ALTER TABLE message_away RENAME TO message"))
    finally:
        database.close()
