"""What a mail that is sent holds to be counted by: pixel, links, the link that no person sees, UTM parameters."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.support.post import Office
from tests.support.shop import Shop
from worker.delivery.tokens import Tokens
from worker.domain.hits import HONEYPOT
from worker.domain.settings import Settings
from worker.storage.database import Database

TOKENS = Tokens([b"a secret of forty characters for the tests"])
WEBSITE = Settings().shop.website
BODY = '<p><a href="{{ shop.website }}/a?x=1#top">Look</a> <a href="https://other.example/b">There</a></p>'
FLOW = "trigger: signup\nkind: transactional\n{utm}steps: [{{send: news}}]\n"
USUAL = "utm_source=phin&utm_medium=email&utm_campaign=flow&utm_content=news"


def parts(database: Database, folder: Path, tracking: bool, utm: str = "") -> tuple[str, str]:
    """Return HTML and text of the mail that a flow sends to a customer who said this to tracking."""
    shop = Shop(database)
    shop.publish(flow=FLOW.format(utm=utm))
    office = Office(shop, folder, news=BODY)
    customer = {"id": "c1", "email": "c1@example.com", "consent": {"marketing": True, "tracking": tracking}}
    shop.send("signup", customer=customer)
    office.send()
    (mail,) = office.post.mails
    message = message_from_bytes(mail.content, policy=policy.default)
    html, text = (message.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert text is not None
    return html.get_content(), text.get_content()


@pytest.mark.parametrize(
    ("utm", "query"),
    [
        ("", f"x=1&{USUAL}"),
        ("utm: false\n", "x=1"),
        ("utm: {campaign: tet}\n", f"x=1&{USUAL.replace('campaign=flow', 'campaign=tet')}"),
    ],
)
def test_plain_links_are_marked_by_flow_and_settings(
    sqlite_database: Database, tmp_path: Path, utm: str, query: str
) -> None:
    """Given a customer who does not want to be tracked, then links are plain, marked as the flow says in HTML and text
    alike, and nothing in the mail counts anything."""
    html, text = parts(sqlite_database, tmp_path, False, utm)
    assert f'href="{WEBSITE}/a?{query.replace("&", "&amp;")}#top"' in html
    assert f"{WEBSITE}/a?{query}#top" in text
    assert 'href="https://other.example/b"' in html
    assert not re.search("/[oc]/", html + text)
    assert "aria-hidden" not in html


def test_a_tracked_mail_holds_a_link_that_no_person_sees(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a customer who agreed, then the mail has pixel and tracked links, and one more, hidden from eyes, keys and
    screen readers, not in the text, that leads to the shop and not to a refusal."""
    html, text = parts(sqlite_database, tmp_path, True)
    (hidden,) = re.findall(r'<a [^>]*aria-hidden="true"[^>]*></a>', html)
    assert 'tabindex="-1"' in hidden
    assert "display:none" in hidden
    found = re.search(r"/c/([^\"]+)", hidden)
    assert found is not None
    assert found[1] not in text
    assert html.index(hidden) > html.index("There")
    assert len(re.findall('/o/[^"]+.gif', html)) == 1
    clicks = [TOKENS.read_click(token) for token in re.findall(r"/c/([^\"]+)", html)]
    found_links = {click.link: click.target for click in clicks if click is not None}
    assert len(found_links) == len(clicks) == len(re.findall("/c/", text)) + 1
    assert (
        found_links.items()
        >= {
            1: f"{WEBSITE}/a?x=1&{USUAL}#top",
            2: "https://other.example/b",
            HONEYPOT: WEBSITE,
        }.items()
    )
