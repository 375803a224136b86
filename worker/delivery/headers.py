"""The headers of a mail that say what it is: of which stream, of which list, made by no person, how to refuse more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from worker.domain.messages import Kind
from worker.storage.claims import Claimed

OWN = "phin"  # the stream of mails that no flow sends: reminders to staff, confirmations
_REMEMBERED = 256  # flows with their topics
_NO_LABEL = re.compile(r"[^a-z0-9-]+")


class MailHeaders:
    """Makes the headers of one shop's mails.

    Parameters:
        domain: of the sender's address, in ASCII.
    """

    def __init__(self, domain: str) -> None:
        self._domain = domain
        # Google Postmaster Tools group by the last field: one sender's own, of 5 to 15 characters
        self._sender = f"phin-{sha256(domain.encode()).hexdigest()[:8]}"
        self._shared = lru_cache(_REMEMBERED)(self._shared_by)

    def message_id(self, message: Claimed) -> str:
        """Return the Message-ID without brackets: the same for every try of one message, and no other message's."""
        made = sha256(f"{message.key}|{message.created_at.isoformat()}".encode()).hexdigest()[:32]
        return f"{made}@{self._domain}"

    def of(self, message: Claimed, unsubscribe: str | None, topic: str | None = None) -> Mapping[str, str]:
        """Return the headers of a message as they stand on the wire.

        Parameters:
            unsubscribe: the address with which its receiver says no to more; None where there is nothing to refuse.
            topic: what the flow's marketing is about, where it says so.
        """
        listed = message.kind is Kind.MARKETING and message.staff is None
        shared = self._shared(message.flow or OWN, message.kind, topic if listed else None, listed)
        if unsubscribe is None:
            return shared
        # RFC 8058
        return {
            **shared,
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }

    def _shared_by(self, stream: str, kind: Kind, topic: str | None, listed: bool) -> Mapping[str, str]:
        """Return the headers that all mails of a flow share."""
        shared = {
            "Auto-Submitted": "auto-generated",  # RFC 3834, 5
            "Feedback-ID": f"{stream}:{self._domain}:{kind.value}:{self._sender}",
        }
        return {**shared, "List-Id": f"<{list_label(topic or stream)}.{self._domain}>"} if listed else shared


def list_label(name: str) -> str:
    """Return a name as the first label of a List-Id (RFC 2919, section 2): small letters, digits and `-`."""
    return _NO_LABEL.sub("-", name.lower()).strip("-") or OWN
