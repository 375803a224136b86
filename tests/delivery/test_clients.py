"""What a hit was made with: mail programs, browsers, apps and devices, as people call them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.clients import Client, Clients
from worker.domain.hits import HitKind

CLIENTS = Clients()
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
ANDROID = "Mozilla/5.0 (Linux; Android 12; SM-A127F Build/SP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("user_agent", "program", "device"),
    [
        (f"{IPHONE}Mobile/15E148", "Apple Mail", "phone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", "Apple Mail", "computer"),
        (f"{IPHONE}Version/17.0 Mobile/15E148 Safari/604.1", "Safari", "phone"),
        (f"{IPAD}Version/16.5 Mobile/15E148 Safari/604.1", "Safari", "tablet"),
        (f"{IPHONE}CriOS/114.0 Mobile/15E148 Safari/604.1", "Chrome", "phone"),
        (f"{IPHONE}Mobile/15E148 Zalo iOS/486 ZaloTheme/light ZaloLanguage/vn", "Zalo", "phone"),
        (f"{ANDROID}Version/4.0 Chrome/104.0 Mobile Safari/537.36 Zalo android/12080627", "Zalo", "phone"),
        (f"{ANDROID}Version/4.0 Chrome/90.0.1 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/400.0;]", "Facebook", "phone"),
        (f"{IPHONE}Mobile/15E148 Instagram 230.0", "Instagram", "phone"),
        (f"{ANDROID}Chrome/90.0.1 Mobile Safari/537.36 trill_2022 TikTok 25.0", "TikTok", "phone"),
        (f"{ANDROID}SamsungBrowser/21.0 Chrome/110.0 Mobile Safari/537.36", "Samsung Internet", "phone"),
        (f"{WINDOWS}coc_coc_browser/95.0.150 Chrome/89.0.4389.150 Safari/537.36", "Cốc Cốc", "computer"),
        (f"{WINDOWS}Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0", "Edge", "computer"),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13029; Pro)", "Outlook", "computer"),
        ("Outlook-iOS/709.2189947.prod.iphone (3.24.0)", "Outlook", "phone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.6.0", "Thunderbird", "computer"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "Gmail", None),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "Yahoo Mail", None),
        ("Mozilla/5.0", None, None),
    ],
)
def test_an_open_names_program_and_device(user_agent: str, program: str | None, device: str | None) -> None:
    """Given a user agent of everyday, then program and device are named; a proxy tells no device."""
    assert CLIENTS.of(user_agent, HitKind.OPEN) == Client(program, device)


def test_a_click_in_a_bare_web_view_is_an_apps() -> None:
    """Given Apple's bare web view, which opens mails in its mail program, when it follows a link, then it is an app."""
    assert CLIENTS.of(f"{IPHONE}Mobile/15E148", HitKind.CLICK) == Client("an app on iOS", "phone")


@given(st.text(max_size=100))
def test_any_user_agent_is_taken(user_agent: str) -> None:
    """Given any text, then there is an answer."""
    assert isinstance(CLIENTS.of(user_agent, HitKind.OPEN), Client)
