"""Reading a report: which mail it is about, and what it says; whatever its bytes are, it never raises."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.delivery.bounces.clues import Clues, address_of, clues_in
from worker.delivery.bounces.opened import Opened, open_up
from worker.delivery.bounces.texts import read_text
from worker.delivery.tokens import Tokens
from worker.domain.bounce_words import BounceReason
from worker.domain.bounces import BounceClass, Finding, class_failure, reason_of_delay, status_in

_ACTIONS = {
    "delivered": BounceClass.DELIVERED,
    "relayed": BounceClass.DELIVERED,
    "expanded": BounceClass.DELIVERED,
    "delayed": BounceClass.DELAYED,
}
_KEEPS = ("not-spam", "auth-failure")  # feedback that asks for nothing (RFC 5965, 3.1; RFC 6591)


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says.

    Parameters:
        findings: what of whom; of an unreadable one a single finding.
        clues: which mail it is about.
        why: why it could not be read, or None.
    """

    findings: tuple[Finding, ...]
    clues: Clues = field(default_factory=Clues)
    why: str | None = None


def read(raw: bytes, tokens: Tokens) -> Report:
    """Read a report's first bytes."""
    if not raw.strip():
        return _unread("it is empty")
    try:
        opened = open_up(raw)
        clues = clues_in(opened, raw, tokens)
    except Exception as error:  # the standard library's parser is not of one mind about what it raises
        return _unread(f"it is no mail that can be taken apart: {type(error).__name__}")
    try:
        findings = _findings(opened)
    except Exception as error:
        return _unread(f"its parts cannot be read: {type(error).__name__}", clues)
    if not findings:
        return _unread("it is neither a report nor an automatic answer; perhaps a person wrote it", clues)
    return Report(tuple(findings), clues)


def _unread(why: str, clues: Clues | None = None) -> Report:
    return Report((Finding(BounceClass.UNREADABLE),), clues or Clues(), why)


def _findings(opened: Opened) -> list[Finding]:
    if opened.feedback is not None:
        return [_complaint(opened)]
    return _statuses(opened) or read_text(opened)


def _complaint(opened: Opened) -> Finding:
    """Read a feedback report (RFC 5965, 3.1 and 3.2); a redacted address is none."""
    block = opened.feedback
    assert block is not None
    kind = str(block.get("feedback-type", "abuse")).strip().lower()
    named = (str(value) for name in ("original-rcpt-to", "removal-recipient") for value in block.get_all(name, []))
    recipient = next((found for one in named if (found := address_of(one))), None)
    said = f"feedback: {kind} from {str(block.get('user-agent', 'an unnamed sender'))[:100]}"
    if kind in _KEEPS:
        return Finding(BounceClass.OTHER, BounceReason.UNCLEAR, recipient, None, said)
    return Finding(BounceClass.COMPLAINT, BounceReason.COMPLAINED, recipient, None, said)


def _statuses(opened: Opened) -> list[Finding]:
    """Read the blocks about recipients (RFC 3464, 2.3)."""
    found = []
    for block in opened.status:
        named = [str(block.get(name, "")) for name in ("original-recipient", "final-recipient")]
        action = str(block.get("action", "")).partition(" ")[0].strip(" ;()").lower()
        if not any(named) and not action:
            continue  # the block about the mail
        recipient = next((address for one in named if (address := address_of(one))), None)
        found.append(
            _status(opened, str(block.get("status", "")), str(block.get("diagnostic-code", "")), action, recipient)
        )
    return found


def _status(opened: Opened, status: str, diagnostic: str, action: str, recipient: str | None) -> Finding:
    code = status_in(f" {status}", "245")
    said = " ".join(diagnostic.partition(";")[2].split() or diagnostic.split())
    if action in _ACTIONS or (code or "").startswith("2"):
        why = reason_of_delay(code, said) if action == "delayed" else BounceReason.UNCLEAR
        return Finding(_ACTIONS.get(action, BounceClass.DELIVERED), why, recipient, code, said)
    kind, reason = class_failure(code, said)
    if reason is BounceReason.UNCLEAR:  # the notice for people often says more
        for told in read_text(opened, failed=True):
            if told.reason is not BounceReason.UNCLEAR and (code or "5")[0] != "4":
                return Finding(told.kind, told.reason, recipient, code, said or told.diagnostic)
    return Finding(kind, reason, recipient, code, said)
