"""Who takes the mail of an address: its domain, one name for those that are one service under several names.

Mail hosts are not looked up (that asks the DNS), so only what the providers themselves call one service is joined.
"""

from __future__ import annotations

# Other names of Google's and Apple's mail; Outlook.com's consumer domains and Yahoo's are each one service.
_ALIASES = {
    "googlemail.com": "gmail.com",
    "hotmail.com": "outlook.com",
    "live.com": "outlook.com",
    "msn.com": "outlook.com",
    "hotmail.com.vn": "outlook.com",
    "outlook.com.vn": "outlook.com",
    "yahoo.com.vn": "yahoo.com",
    "ymail.com": "yahoo.com",
    "rocketmail.com": "yahoo.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
}


def receiver_of(address: str) -> str:
    """Return the receiver of an address, or of a domain alone: `lan@googlemail.com` is gmail.com's."""
    domain = address.rpartition("@")[2].lower()
    return _ALIASES.get(domain, domain)
